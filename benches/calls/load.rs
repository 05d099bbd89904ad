//! Makes the load.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::shared::{Load, median};

impl Load {
    async fn call(&self, function: &str) {
        let answer = self.post("/v1/agents/a/calls", &json!({"function": function, "arguments": {"id": "e1"}})).await;
        assert_eq!(answer["output"]["guest"], "ana.ruiz@example.com", "{answer}");
    }

    /// Calls per second with many callers.
    pub async fn throughput(&self, function: &'static str, callers: usize, lasting: Duration) -> f64 {
        let start = Instant::now();
        let callers = (0..callers).map(|_| {
            let load = self.clone();
            tokio::spawn(async move {
                let mut calls = 0_u32;
                while start.elapsed() < lasting {
                    load.call(function).await;
                    calls += 1;
                }
                calls
            })
        });
        let mut calls = 0;
        for caller in callers.collect::<Vec<_>>() {
            calls += caller.await.expect("a caller");
        }
        f64::from(calls) / start.elapsed().as_secs_f64()
    }

    /// Median microseconds of one caller alone.
    pub async fn alone(&self, function: &str, calls: usize) -> f64 {
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let start = Instant::now();
            self.call(function).await;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        median(&mut times)
    }
}
