//! Futures with their type left out.

use std::pin::Pin;

/// A boxed future: the future of a whole release has hundreds of others inside, which the compiler, and the stack of
/// whoever awaits it, would have to carry around.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
