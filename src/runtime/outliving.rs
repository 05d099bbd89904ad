//! Work that its caller waits for, but that does not stop when its caller goes away.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::runtime::Handle;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use crate::base::BoxFuture;

/// Runs as a part of its caller's task, which spares two hand-overs between threads. If the caller goes away before its
/// end, it goes on as a task of its own.
pub(super) struct Outliving<T: Send + 'static> {
    /// Absent once it has ended.
    work: Option<BoxFuture<'static, T>>,
    tasks: TaskTracker,
    /// A stop waits for it, wherever it runs.
    _counted: TaskTrackerToken,
    /// Set when its caller goes away before its end.
    gone: Option<Arc<AtomicBool>>,
}

impl<T: Send + 'static> Outliving<T> {
    /// To be awaited at once. `tasks` knows of it until its end.
    pub(super) fn new(tasks: &TaskTracker, work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { work: Some(Box::pin(work)), tasks: tasks.clone(), _counted: tasks.token(), gone: None }
    }

    /// Sets `gone` when its caller goes away before its end, before it goes on.
    pub(super) fn noting(mut self, gone: Arc<AtomicBool>) -> Self {
        self.gone = Some(gone);
        self
    }
}

impl<T: Send + 'static> Future for Outliving<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Taken out while it runs: work that panicked must not go on.
        let mut work = self.work.take().expect("nobody polls a future that has ended");
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Outliving<T> {
    fn drop(&mut self) {
        // Without a runtime the process is at its end, and nothing can go on.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            if let Some(gone) = &self.gone {
                gone.store(true, Ordering::SeqCst);
            }
            self.tasks.spawn_on(work, &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn it_is_awaited_like_any_other_work() {
        let tasks = TaskTracker::new();
        assert_eq!(Outliving::new(&tasks, async { 7 }).await, 7);
        assert!(tasks.is_empty());
    }

    #[tokio::test]
    async fn it_goes_on_when_its_caller_goes_away_and_a_stop_waits_for_it() {
        let tasks = TaskTracker::new();
        let (go, gone) = oneshot::channel::<()>();
        let (done, mut ended) = oneshot::channel::<u8>();
        let alone = Arc::new(AtomicBool::new(false));
        let work = async move {
            gone.await.unwrap();
            done.send(7).unwrap();
        };
        let mut work = Box::pin(Outliving::new(&tasks, work).noting(Arc::clone(&alone)));
        let polled = std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
        assert!(polled.is_pending() && !alone.load(Ordering::SeqCst));
        drop(work);
        assert!(alone.load(Ordering::SeqCst));
        assert_eq!(tasks.len(), 1);
        go.send(()).unwrap();
        tasks.close();
        tasks.wait().await;
        assert_eq!(ended.try_recv(), Ok(7));
    }

    #[tokio::test]
    async fn work_that_panicked_is_not_run_again() {
        let tasks = TaskTracker::new();
        let work = Outliving::new(&tasks, async { panic!("on purpose") });
        assert!(tokio::spawn(work).await.unwrap_err().is_panic());
        assert!(tasks.is_empty());
    }
}
