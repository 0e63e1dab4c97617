//! Every bound of the configuration, with its reason.
//!
//! A file past one of them is refused with the bound in the text. They are far above what real projects have: they are
//! there so that a damaged or hostile file costs little, not to ration anyone.

/// Bytes of a wrangler file or of a `.dev.vars` file.
pub const FILE_LEN_MAX: u64 = 1 << 20;

/// Lists and tables inside each other. Above what any key needs, below where a parser would run out of stack.
pub const NESTING_MAX: usize = 64;

/// Entries of one list or table, and variables of one `.dev.vars`.
pub const ENTRIES_MAX: usize = 4_096;

/// Bindings of one Worker: durable objects, services, assets, vars and secrets together.
pub const BINDINGS_MAX: usize = 1_024;

/// Bytes of the name of a Worker, an environment, a binding, a class or a migration.
pub const NAME_LEN_MAX: usize = 255;

/// Problems that are reported together; what is beyond is counted.
pub const PROBLEMS_MAX: usize = 50;

/// Characters of a name from a file that a message repeats.
pub(crate) const SHOWN_LEN_MAX: usize = 80;

const _: () = assert!(BINDINGS_MAX <= ENTRIES_MAX, "a full table of bindings must be readable");
const _: () = assert!(NESTING_MAX < 80, "the parser of TOML stops at 80");
