//! Structured clone (HTML, section 2.7, as V8 and workerd have it): values as bytes and back, over the engine's own
//! classes of objects.
//!
//! The bytes are described in [`dormouse_runtime::clone`].
//!
//! Invariant: decoding any bytes gives a value or an error. What is left out: WebAssembly modules, and objects that
//! only move (streams, ports), which no clone holds.

mod decode;
mod describe;
mod encode;
mod intrinsics;
mod thrown;

use std::rc::Rc;

use rquickjs::qjs;

use self::decode::{Decoder, Given};
use self::encode::{Encoder, Reach};
use self::intrinsics::{Held, Kind};
use super::Engine;
use super::call::Call;
use super::value::JsRef;
use crate::engine::Fault;

pub(super) use self::intrinsics::Intrinsics;

/// A class of the platform, by the prototype of its instances.
pub(super) struct PlatformClass {
    prototype: Held,
    address: usize,
    name: String,
    /// What makes a plain value of an instance, and an instance of that; none when instances cannot be cloned.
    functions: Option<[Held; 2]>,
}

impl PlatformClass {
    /// Lets go of what it holds.
    ///
    /// # Safety
    ///
    /// The engine is alive.
    pub(super) unsafe fn free(&self, ctx: *mut qjs::JSContext) {
        // SAFETY: as above; each is freed once, because the class goes with this.
        unsafe {
            self.prototype.free(ctx);
            for function in self.functions.iter().flatten() {
                function.free(ctx);
            }
        }
    }
}

/// A value as bytes, and what they speak of.
struct Encoded {
    bytes: Vec<u8>,
    shared: Vec<JsRef>,
}

impl Engine {
    /// A value as bytes that may be kept.
    pub(crate) fn encode(&self, value: &JsRef) -> Result<Vec<u8>, Fault> {
        Encoder::new(self, self.intrinsics(), Reach::Stored).encode(value.clone()).map(|encoded| encoded.bytes)
    }

    /// The value that bytes stand for.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<JsRef, Fault> {
        Decoder::new(self, self.intrinsics(), bytes, &Given::default())?.decode()
    }

    /// A copy of a value; the buffers of `transfer` are handed over to it.
    pub(crate) fn structured_clone(&self, value: &JsRef, transfer: &[JsRef]) -> Result<JsRef, Fault> {
        let transfer = transfer.iter().map(|item| self.transferable(item)).collect::<Result<Vec<_>, Fault>>()?;
        let encoded = Encoder::new(self, self.intrinsics(), Reach::Here(&transfer)).encode(value.clone())?;
        let mut given = Given { transferred: Vec::new(), shared: encoded.shared };
        for (at, buffer) in transfer.iter().enumerate() {
            let before = transfer[..at].iter().position(|other| other.address() == buffer.address());
            let moved = match before {
                Some(before) => given.transferred[before].clone(),
                None => self.hand_over(buffer)?,
            };
            given.transferred.push(moved);
        }
        Decoder::new(self, self.intrinsics(), &encoded.bytes, &given)?.decode()
    }

    /// The buffer that an item of a list of transfers means.
    fn transferable(&self, item: &JsRef) -> Result<JsRef, Fault> {
        let known = self.intrinsics();
        let kind = if item.is_object() { known.kind(item) } else { Kind::Other };
        let buffer = match kind {
            Kind::Buffer => return Ok(item.clone()),
            Kind::Typed => self.invoke(&known.typed_buffer.get(self), item, &[])?,
            Kind::DataView => self.invoke(&known.data_view_buffer.get(self), item, &[])?,
            _ => return Err(Fault::type_error("Object is not transferable")),
        };
        match known.kind(&buffer) {
            Kind::Buffer => Ok(buffer),
            _ => Err(Fault::new("DataCloneError", "Object is not transferable.")),
        }
    }

    /// A new buffer with the memory of another one, which is detached. One that is detached already had none.
    fn hand_over(&self, buffer: &JsRef) -> Result<JsRef, Fault> {
        // SAFETY: the bytes are not looked at.
        if unsafe { self.buffer_bytes(buffer) }.is_none() {
            // SAFETY: nothing is copied.
            return self.got(unsafe { qjs::JS_NewArrayBufferCopy(self.raw(), [].as_ptr(), 0) });
        }
        self.invoke(&self.intrinsics().array_buffer_transfer.get(self), buffer, &[])
    }

    /// Says what becomes of instances of a class of the platform: with functions they can be cloned.
    pub(crate) fn register_class(&self, prototype: &JsRef, name: String, functions: Option<[&JsRef; 2]>) {
        if !prototype.is_object() || self.clone_class(prototype).is_some() {
            return;
        }
        let class = PlatformClass {
            address: prototype.address(),
            prototype: Held::keep(prototype),
            name,
            functions: functions.map(|functions| functions.map(Held::keep)),
        };
        self.0.clone_classes.borrow_mut().push(Rc::new(class));
    }

    fn clone_class(&self, prototype: &JsRef) -> Option<Rc<PlatformClass>> {
        let address = prototype.address();
        self.0.clone_classes.borrow().iter().find(|class| class.address == address).cloned()
    }

    fn clone_class_named(&self, name: &str) -> Option<Rc<PlatformClass>> {
        let classes = self.0.clone_classes.borrow();
        classes.iter().find(|class| class.functions.is_some() && class.name == name).cloned()
    }
}

impl Call<'_> {
    /// An argument as bytes that may be kept.
    pub(crate) fn encode(&self, index: usize) -> Result<Vec<u8>, Fault> {
        self.isolate().engine().encode(&self.value(index))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::rc::Rc;

    use super::super::value::JsRef;
    use super::Engine;
    use crate::engine::Fault;
    use dormouse_runtime::clone::plain_error;

    use crate::limits::{CLONE_DEPTH_MAX, MEMORY_MAX, THROWN_LEN_MAX};
    use crate::modules::{Loaded, Loader};

    const SCRIPT: &str = r#"
        const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer;
        const shared = { a: 1 };
        const cycle = { shared, again: shared };
        cycle.self = cycle;
        const extra = [1, , 3];
        extra.name = "x";
        export const rich = [
            undefined, null, true, false, 0, -0, NaN, 1.5, -5, 2 ** 40, "a", "é", "\ud800☃", 0n, -1n, 2n ** 70n,
            -(2n ** 64n), new Date(5), /a\/b/giy, new Map([[1, { a: "b" }]]), new Set(["x"]), extra, cycle, Object(1), Object("s"),
            Object(true), Object(false), Object(7n), new TypeError("oh", { cause: shared }), buffer,
            new Uint8Array(buffer, 2, 3), new DataView(buffer, 1), new Float64Array(buffer),
            new ArrayBuffer(2, { maxByteLength: 4 }), { "-1": 1, 5: 2 },
            Object.assign(new Error("n"), { name: "Other", code: "E" }),
        ];
        rich.at(-8).stack = "stack";
        rich.at(-1).stack = "stack";
        export function nested(depth) {
            let value = [];
            for (let at = 1; at < depth; at += 1) value = [value];
            return value;
        }
        export function looks(value, seen = []) {
            if (typeof value !== "object" || value === null) {
                return Object.is(value, -0) ? "-0" : `${typeof value} ${String(value)}`;
            }
            if (seen.includes(value)) return `#${seen.indexOf(value)}`;
            seen.push(value);
            const inside = value instanceof Map ? [...value].flat()
                : value instanceof Set ? [...value]
                : value instanceof ArrayBuffer ? [new Uint8Array(value).join(), value.resizable, value.maxByteLength]
                : value instanceof DataView ? [value.buffer, value.byteOffset, value.byteLength]
                : ArrayBuffer.isView(value) ? [value.buffer, value.byteOffset, value.length]
                : value instanceof Error ? [value.name, value.message, value.stack, value.cause]
                : Object.entries(value).flat();
            const own = [Number, String, Boolean, BigInt, Date, RegExp].some((Class) => value instanceof Class);
            const text = own ? String(value) : "";
            const name = Object.getPrototypeOf(value).constructor.name;
            return `${name}(${value.length ?? ""} ${text} ${Array.from(inside, (item) => looks(item, seen)).join()})`;
        }
    "#;

    /// One module.
    struct Script(String);

    impl Loader for Script {
        fn resolve(&self, _: &str, specifier: &str) -> Result<String, String> {
            Ok(specifier.to_owned())
        }

        fn load(&self, _: &str) -> Option<Loaded<'_>> {
            Some(Loaded::Source(Cow::Borrowed(&self.0)))
        }
    }

    struct Page {
        engine: Engine,
        exports: JsRef,
    }

    impl Page {
        fn new() -> Self {
            Self::of(SCRIPT.to_owned())
        }

        fn of(script: String) -> Self {
            let engine = Engine::new(MEMORY_MAX, Rc::from([]), Rc::new(Script(script))).unwrap();
            let exports = engine.import("test").unwrap();
            Self { engine, exports }
        }

        fn get(&self, name: &str) -> JsRef {
            self.engine.get(&self.exports, name).unwrap()
        }

        fn looks(&self, value: &JsRef) -> String {
            let text = self.engine.call(&self.get("looks"), &[value.clone().into()]).unwrap();
            self.engine.text(&text)
        }

        fn nested(&self, depth: u32) -> JsRef {
            self.engine.call(&self.get("nested"), &[depth.into()]).unwrap()
        }

        /// Decodes what may be anything.
        fn try_decode(&self, bytes: &[u8]) -> Result<JsRef, Fault> {
            self.engine.decode(bytes).inspect_err(|fault| {
                if fault.pending {
                    self.engine.forget_exception();
                }
            })
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Numbers that differ from call to call and are the same in every run (xorshift).
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % bound as u64).unwrap()
        }
    }

    #[test]
    fn values_come_back() {
        let page = Page::new();
        let rich = page.get("rich");
        let bytes = page.engine.encode(&rich).unwrap();
        let copy = page.engine.decode(&bytes).unwrap();
        assert_eq!(page.looks(&copy), page.looks(&rich));
        assert_eq!(page.engine.encode(&copy).unwrap(), bytes);
    }

    /// What is stored must stay readable: these bytes never change.
    #[test]
    fn the_bytes_of_a_version_stay_as_they_are() {
        let page = Page::new();
        let bytes = page.engine.encode(&page.get("rich")).unwrap();
        assert_eq!(hex(&bytes), include_str!("clone/golden.txt").split_whitespace().collect::<String>());
    }

    /// The examples that objects in Rust read too.
    #[test]
    fn the_bytes_are_those_that_rust_reads() {
        for line in include_str!("../../../runtime/src/clone/vectors.txt").lines() {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let [bytes, expression, _] = *line.split(" ; ").collect::<Vec<_>>() else { panic!("{line}") };
            let page = Page::of(format!("export const value = {expression};"));
            let value = page.get("value");
            assert_eq!(hex(&page.engine.encode(&value).unwrap()), bytes, "{expression}");
        }
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error() {
        let page = Page::new();
        let good = page.engine.encode(&page.get("rich")).unwrap();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for round in 0..20_000 {
            let mut bytes = good.clone();
            match round % 4 {
                0 => bytes.truncate(random.below(good.len())),
                1 => {
                    for _ in 0..=random.below(3) {
                        bytes[2 + random.below(good.len() - 2)] = u8::try_from(random.below(256)).unwrap();
                    }
                }
                2 => drop(bytes.remove(2 + random.below(good.len() - 2))),
                _ => {
                    bytes.truncate(2);
                    bytes.extend((0..random.below(40)).map(|_| u8::try_from(random.below(0x26)).unwrap()));
                }
            }
            if let Ok(value) = page.try_decode(&bytes) {
                assert!(page.engine.encode(&value).is_ok() || bytes != good);
            }
            page.engine.forget_exception();
        }
    }

    #[test]
    fn depth_is_bounded_both_ways() {
        let page = Page::new();
        let max = u32::try_from(CLONE_DEPTH_MAX).unwrap();
        let bytes = page.engine.encode(&page.nested(max)).unwrap();
        assert!(page.try_decode(&bytes).is_ok());
        let fault = page.engine.encode(&page.nested(max + 1)).unwrap_err();
        assert_eq!(fault.to_string(), "RangeError: Maximum call stack size exceeded");
        let deeper: Vec<u8> = [2, 1].into_iter().chain([0x12, 1].repeat(1_000_000)).collect();
        assert!(page.try_decode(&deeper).is_err());
    }

    #[test]
    fn callers_are_told_as_much_as_the_limit_allows() {
        let page = Page::of(
            "export const error = (len) => Object.assign(new TypeError('on purpose'), { data: 'x'.repeat(len) });"
                .into(),
        );
        let make = |len: usize| {
            let len = u32::try_from(len).unwrap();
            let error = page.engine.call(&page.get("error"), &[len.into()]).unwrap();
            (page.engine.encode(&error).unwrap(), page.engine.fault_for_callers(&error).thrown)
        };
        let other = make(THROWN_LEN_MAX / 2).0.len() - THROWN_LEN_MAX / 2;
        let (whole, told) = make(THROWN_LEN_MAX - other);
        assert_eq!((whole.len(), &whole), (THROWN_LEN_MAX, &told.to_vec()));
        let (_, told) = make(THROWN_LEN_MAX - other + 1);
        assert_eq!(told, plain_error("TypeError", "on purpose"));
    }

    #[test]
    fn whatever_is_thrown_callers_are_told_something() {
        let page = Page::of(
            "const hostile = { get message() { throw this; }, toString() { throw 5; } };
             const loop = new Proxy({}, { get() { throw 1; }, ownKeys() { throw 2; }, getPrototypeOf() { throw 3; } });
             const deep = () => { let value = []; for (let n = 0; n < 9999; n++) value = [value]; return value; };
             const revoked = Proxy.revocable({}, {}); revoked.revoke();
             export const all = [undefined, null, 1n, Symbol('s'), () => 1, hostile, loop, revoked.proxy,
                 Object.assign(new Error('e'), { hostile }), new Error('e', { cause: deep() }), new Error('e', { cause: loop }),
                 Object.defineProperty(new Error('e'), 'name', { get() { throw 4; } }), class {}, globalThis];"
                .into(),
        );
        let all = page.get("all");
        for at in 0..14 {
            let value = page.engine.get(&all, &at.to_string()).unwrap();
            let fault = page.engine.fault_for_callers(&value);
            assert!(page.engine.decode(&fault.thrown).is_ok(), "{at}: {fault}");
            page.engine.forget_exception();
        }
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let page = Page::new();
        for bytes in [
            &b""[..],
            b"\x02\x01",
            b"\x01\x01\x00",
            b"\x02\x01\x00\x00",
            b"\x02\x01\x10\x00",
            b"\x02\x01\x22\x00",
            b"\x02\x01\x23\x00",
            b"\x02\x01\x1e\x04Blob\x00",
            b"\x02\x01\x24\x02\x00\x05\x00\x20\x01\x00",
            b"\x02\x01\x24\x04\x00\x01\x00\x20\x02\x00\x00",
            b"\x02\x01\x11\x04\x02\xff\x00",
            b"\x02\x01\x11\xff\x01",
            b"\x02\x01\x13\x05\xff\x00\x06",
            b"\x02\x01\x17\x07\x01(\x00",
            b"\x02\x01\x06\x03\x01",
        ] {
            let fault = page.try_decode(bytes).err();
            assert_eq!(fault, Some(super::decode::damaged()), "{bytes:x?}");
        }
    }
}
