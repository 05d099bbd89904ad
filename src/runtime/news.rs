//! What other replicas tell, and what is done about it: what was remembered is forgotten, and what became due is looked at.

use std::sync::Arc;

use super::Engine;
use crate::coordination::News;

impl Engine {
    /// Listens until the engine is gone. Needs a tokio runtime.
    pub fn start_listening(self: &Arc<Self>) {
        let mut listener = self.coordination.listen();
        let engine = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(news) = listener.next().await {
                let Some(engine) = engine.upgrade() else { return };
                engine.heard(news);
            }
        });
    }

    /// Does what there is to do about it. Too much is never wrong.
    pub(super) fn heard(&self, news: News) {
        match news {
            News::Everything => {
                self.keys.forget_all(|_| true);
                self.enabled.forget_all(|_| true);
                self.seen.forget_all(|_| true);
                self.kept_by.forget_all(|_| true);
                self.connections.changed_all();
                self.waker.notify_one();
                self.registry_changed.notify_one();
            }
            News::ApiKey(id) => self.keys.forget(&id),
            News::Connection(org, id) => {
                self.seen.forget(&(org, id));
                self.connections.changed(id);
            }
            News::Functions(org) => self.enabled.forget_all(move |(of, ..)| *of == org),
            News::Ended(org, id) => {
                self.endings.wake(id);
                self.telling.wake(org);
            }
            News::Shut(shut) => self.isolation.heard(&shut),
            News::Spent(spent) => self.allowances.heard(&spent, self.now()),
            News::Org(org) => self.kept_by.forget(&org),
            News::Registry => self.registry_changed.notify_one(),
        }
    }
}
