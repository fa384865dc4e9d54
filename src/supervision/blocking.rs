//! Calls that block and may fail for a while.

use std::sync::Arc;
use std::time::Duration;

use super::ending::Ending;
use super::{Outage, Worker};
use crate::failure::Failure;

/// How the actors of one branch wait for what is away.
#[derive(Clone)]
pub struct Patience {
    pub outage: Outage,
    pub backoff_min: Duration,
    pub backoff_max: Duration,
}

impl Patience {
    /// Makes the call, which `call` names, on the worker until it does not fail in a way that can get better.
    pub async fn call<W, R, J>(&self, worker: &Arc<Worker<W>>, call: &'static str, job: J) -> Result<R, Ending>
    where
        W: Send + 'static,
        R: Send + 'static,
        J: Fn(&mut W) -> Result<R, Failure> + Clone + Send + 'static,
    {
        Ok(self.timed_call(worker, call, job).await?.0)
    }

    /// As [`Self::call`], with how long the call ran that succeeded: not those before it, nor the waits between them.
    pub async fn timed_call<W, R, J>(
        &self,
        worker: &Arc<Worker<W>>,
        call: &'static str,
        job: J,
    ) -> Result<(R, Duration), Ending>
    where
        W: Send + 'static,
        R: Send + 'static,
        J: Fn(&mut W) -> Result<R, Failure> + Clone + Send + 'static,
    {
        let tried = self.outage.retry(self.backoff_min, self.backoff_max, || {
            let answer = worker.timed_call(call, job.clone());
            async move {
                match answer.await {
                    Ok((Ok(result), ran)) => Ok(Ok((result, ran))),
                    Ok((Err(failure), _)) => Err(failure),
                    Err(gone) => Ok(Err(gone)),
                }
            }
        });
        Ok(tried.await??)
    }
}
