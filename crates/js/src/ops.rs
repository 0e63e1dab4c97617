//! The ops: all that the platform's JavaScript may ask of the host, one file an area.
//!
//! An op checks its arguments and calls a well-kept crate or the runtime; what it computes is documented there. Names
//! begin with their area.

pub(crate) mod body;
pub(crate) mod clone;
pub(crate) mod compression;
pub(crate) mod core;
pub(crate) mod crypto;
pub(crate) mod encoding;
pub(crate) mod fetch;
mod multipart;
pub(crate) mod object;
pub(crate) mod socket;
pub(crate) mod storage;
pub(crate) mod url;

use std::rc::Rc;

use crate::engine::Op;

/// Every op.
pub(crate) fn all() -> Rc<[Op]> {
    [
        core::OPS,
        object::OPS,
        socket::OPS,
        storage::OPS,
        body::OPS,
        clone::OPS,
        crypto::OPS,
        url::OPS,
        fetch::OPS,
        encoding::OPS,
        compression::OPS,
    ]
    .concat()
    .into()
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn every_op_is_declared_for_the_type_checker() {
        let declared = include_str!("../types/ops.d.ts");
        for op in all().iter() {
            assert!(declared.contains(&format!("    export const {}: Op;\n", op.name)), "{}", op.name);
        }
        assert_eq!(declared.matches("export const").count(), all().len());
    }
}
