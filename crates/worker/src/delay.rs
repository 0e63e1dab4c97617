//! Waiting for time to pass.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::native::{self, Timer};

/// A future that is ready after a while. The time runs from its first poll.
///
/// While a handler awaits one, other events of the object are handled, and the object does not hibernate.
/// Outside of an object and a Worker there is nothing that keeps time, and a delay passes at once.
///
/// ```
/// # async fn example() {
/// worker::Delay::from(std::time::Duration::from_secs(1)).await;
/// # }
/// ```
pub struct Delay {
    duration: Duration,
    timer: Option<Pin<Box<Timer>>>,
}

impl From<Duration> for Delay {
    fn from(duration: Duration) -> Self {
        Self { duration, timer: None }
    }
}

impl Future for Delay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let timer = match &mut self.timer {
            Some(timer) => timer,
            None => match native::timer(self.duration) {
                Ok(timer) => self.timer.insert(Box::pin(timer)),
                Err(error) => {
                    tracing::error!(%error, "a delay passes at once");
                    return Poll::Ready(());
                }
            },
        };
        timer.as_mut().poll(cx)
    }
}

impl fmt::Debug for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Delay").field(&self.duration).finish()
    }
}
