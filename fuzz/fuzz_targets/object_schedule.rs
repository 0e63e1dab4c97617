//! A schedule of the simulation whose choices are the input: what clients, host and guest do, and how often, with every
//! step compared with the model, as `docs/simulation.md` has it.
//!
//! The fuzzer sees which code a choice has reached, and a seed does not; so it finds its way to rare states.

#![no_main]

use dormouse_object::sim::follow;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Err(violation) = follow(data) {
        panic!("{violation}");
    }
});
