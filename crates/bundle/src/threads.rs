//! The threads that a bundle is made on, which live as long as it takes.
//!
//! The caller blocks; it may be inside an async runtime or not. A panic of the bundler becomes an error.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Problem};
use crate::limits::{STACK_LEN, THREADS_MAX, TIME_MAX};

/// Runs the future that `work` makes to its end.
pub(crate) fn run<F>(work: impl FnOnce() -> F + Send) -> Result<F::Output, Error>
where
    F: Future<Output: Send>,
{
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let failed = |error: &dyn std::fmt::Display| Error::new(Problem::new(format!("cannot start a thread: {error}")));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_LEN);
    let pool = pool.thread_name(|_| "bundle".to_owned()).build().map_err(|error| failed(&error))?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(threads).thread_stack_size(STACK_LEN).thread_name("bundle").enable_time();
    let runtime = runtime.build().map_err(|error| failed(&error))?;

    // The future itself runs on a thread of the pool, so that the linker, which it calls, computes in this pool.
    let timed = || pool.install(|| runtime.block_on(async { tokio::time::timeout(TIME_MAX, work()).await }));
    let result = catch_unwind(AssertUnwindSafe(timed));
    // A task that hangs must not hold the caller up.
    runtime.shutdown_background();
    match result {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(_)) => Err(Error::new(Problem::new(format!("the bundler has not answered within {TIME_MAX:?}")))),
        Err(panic) => Err(Error::new(Problem::new(format!("the bundler failed: {}", message(&*panic))))),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn a_panic_is_an_error() {
        let error = run(|| async { panic!("no such luck") }).unwrap_err();
        assert_eq!(error.to_string(), "the bundler failed: no such luck");
        assert_eq!(run(|| async { 7 }).unwrap(), 7);
    }
}
