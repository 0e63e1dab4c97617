//! Every bound of a bundle, with its reason.

use std::time::Duration;

/// Bytes of the module that comes out. An engine holds a bundle as text and as bytecode in each of its runtimes;
/// a real Worker has a few megabytes.
pub const BUNDLE_LEN_MAX: usize = 64 << 20;

/// Bytes of one file that goes in, whether code, text or data.
pub const FILE_LEN_MAX: u64 = 32 << 20;

/// Files that go in. Large applications have some thousands.
pub const FILES_MAX: usize = 50_000;

/// Problems of a failed bundle that are kept. A person mends the first few; a wrong setting can cause thousands.
pub const PROBLEMS_MAX: usize = 32;

/// Warnings of a bundle that are kept.
pub const WARNINGS_MAX: usize = 64;

/// Files that are shown of a chain of imports; of a longer one, the middle is left out.
pub const CHAIN_LEN_MAX: usize = 12;

/// Characters of a source line that a problem shows; minified code has lines of megabytes.
pub const EXCERPT_LEN_MAX: usize = 160;

/// Aliases that are followed from one import.
pub const ALIAS_HOPS_MAX: usize = 8;

/// Threads of one bundle. More gain little: half of the work is the linker's.
pub const THREADS_MAX: usize = 8;

/// The stack of each of these threads. Parser and printer recurse as deep as the code is nested, and unoptimised
/// builds use several times the stack of optimised ones. Only what is touched takes memory. Code that is nested some
/// ten thousand levels deep overflows it all the same, which ends the process; nobody writes such code, and a Worker
/// is code that its operator trusts.
pub const STACK_LEN: usize = 32 << 20;

/// How long a bundle may take. It is there for a bundler that never answers: a task of it that panics is not
/// noticed by those that wait for it.
pub const TIME_MAX: Duration = Duration::from_secs(120);
