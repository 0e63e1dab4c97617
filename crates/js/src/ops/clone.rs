//! Structured clone: values as bytes, and back.

use crate::engine::{Call, Fault, Op, Out};

pub(crate) const OPS: &[Op] = &[
    Op { name: "clone_encode", run: encode },
    Op { name: "clone_decode", run: decode },
    Op { name: "clone_structured", run: structured },
    Op { name: "clone_class", run: class },
];

/// `(value)`: bytes
fn encode(call: &Call<'_>) -> Result<Out, Fault> {
    call.encode(0).map(Out::from)
}

/// `(bytes)`: the value
fn decode(call: &Call<'_>) -> Result<Out, Fault> {
    // Making values runs code, which may change the bytes.
    let bytes = call.bytes(0)?.to_vec();
    call.isolate().engine().decode(&bytes).map(Out::Value)
}

/// `(value, list of buffers)`: a copy
fn structured(call: &Call<'_>) -> Result<Out, Fault> {
    let transfer = call.values(1)?;
    call.isolate().engine().structured_clone(&call.value(0), &transfer).map(Out::Value)
}

/// `(prototype, name, encode, decode)`: what becomes of instances of a class of the platform. Without functions they
/// cannot be cloned. The first word on a class stands.
fn class(call: &Call<'_>) -> Result<Out, Fault> {
    let (encode, decode) = (call.value(2), call.value(3));
    let functions = if encode.is_function() && decode.is_function() { Some([&encode, &decode]) } else { None };
    call.isolate().engine().register_class(&call.value(0), call.text(1)?, functions);
    Ok(Out::Undefined)
}
