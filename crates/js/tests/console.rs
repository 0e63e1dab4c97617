//! What `console` writes to the log, which no code can see: values as text, directives, groups, tables, counts; and
//! what is logged of errors that nobody catches.
//!
//! Expected texts are workerd's own output, but for groups, tables, counts and times: it shows those to a debugger only.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use dormouse_js::{Worker, application};
use dormouse_runtime::body::Body;
use dormouse_runtime::node::{Node, Options};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const PATIENCE: Duration = Duration::from_secs(60);

type Entries = Arc<Mutex<Vec<String>>>;

/// Keeps what the target `console` is told.
struct Log(Entries);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "console"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let level = event.metadata().level().as_str().to_lowercase();
        self.0.lock().unwrap().push(format!("{level} {}", message.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Runs code in a handler and returns what it has logged, one entry after another, each with its level.
fn logged(code: &str) -> Vec<String> {
    // The log is one for the process: so is its lock.
    static LOG: OnceLock<Entries> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let log = LOG.get_or_init(|| {
        let entries = Entries::default();
        tracing::subscriber::set_global_default(Log(entries.clone())).unwrap();
        entries
    });
    log.lock().unwrap().clear();
    let source = format!("export default {{ async fetch() {{ {code}\n return new Response(\"\"); }} }};");
    let (reply, answer) = mpsc::channel();
    let reply = Mutex::new(Some(reply));
    let on_shard = move |shard: std::rc::Rc<dormouse_runtime::Shard>| {
        let reply = reply.lock().unwrap().take();
        Box::pin(async move {
            let request = http::Request::get("http://example.com/").body(Body::empty()).unwrap();
            let failure = shard.fetch(request).await.err().map(|error| error.to_string());
            let _ = reply.unwrap().send(failure);
        }) as _
    };
    let application = application(vec![Worker::new("test", source)]).unwrap_or_else(|error| panic!("{error}"));
    let node = Node::start(application, Options { shards: 1, ..Options::default() }, Arc::new(on_shard)).unwrap();
    let failure = answer.recv_timeout(PATIENCE).expect("an answer");
    node.stop(Duration::ZERO);
    assert_eq!(failure, None, "{code}");
    std::mem::take(&mut *log.lock().unwrap())
}

/// Compares what `console.log` writes of expressions with the lines that are expected.
fn check(cases: &[(&str, &[&str])]) {
    let code: String = cases.iter().map(|(expression, _)| format!("console.log({expression});\n")).collect();
    let entries = logged(&code);
    let mut wrong = String::new();
    assert_eq!(entries.len(), cases.len(), "{entries:#?}");
    for ((expression, expected), entry) in cases.iter().zip(entries) {
        let expected = format!("info {}", expected.join("\n"));
        if entry != expected {
            let _ = write!(wrong, "\n{expression}\n  here: {entry}\n  expected: {expected}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn primitive_values_are_shown() {
    check(&[
        ("1", &["1"]),
        ("-0", &["-0"]),
        ("NaN", &["NaN"]),
        ("'text'", &["text"]),
        ("['text']", &["[ 'text' ]"]),
        ("true, null, undefined", &["true null undefined"]),
        ("10n", &["10n"]),
        ("Symbol('s')", &["Symbol(s)"]),
        ("", &[""]),
        (
            "['it\\'s', 'say \"hi\"', 'both \\' and \"', 'new\\nline', '']",
            &[r#"[ "it's", 'say "hi"', `both ' and "`, 'new\nline', '' ]"#],
        ),
        (
            "[new String('x'), new Number(5), new Boolean(false), Object(1n)]",
            &["[ [String: 'x'], [Number: 5], [Boolean: false], [BigInt: 1n] ]"],
        ),
    ]);
}

#[test]
fn functions_and_classes_are_shown() {
    check(&[
        ("() => 1", &["[Function (anonymous)]"]),
        ("function f() {}", &["[Function: f]"]),
        ("class Foo {}", &["[class Foo]"]),
        ("class Foo extends Map {}", &["[class Foo extends Map]"]),
        ("async () => {}", &["[AsyncFunction (anonymous)]"]),
        ("function* gen() {}", &["[GeneratorFunction: gen]"]),
        ("Object.assign(() => {}, { a: 1 })", &["[Function (anonymous)] { a: 1 }"]),
        ("new (class A { x = 1; #y = 2; get z() { return 1; } })()", &["A { x: 1 }"]),
        ("new (class B extends Map {})([[1, { a: 1 }]])", &["B(1) [Map] { 1 => { a: 1 } }"]),
    ]);
}

#[test]
fn objects_are_shown() {
    check(&[
        ("{}", &["{}"]),
        ("{ a: 1, b: 'x', c: { d: { e: { f: 1 } } } }", &["{ a: 1, b: 'x', c: { d: { e: [Object] } } }"]),
        ("{ a: [[[[1]]]] }", &["{ a: [ [ [Array] ] ] }"]),
        (
            "(() => { const c = { a: 1 }; c.self = c; c.arr = [c]; return c; })()",
            &["<ref *1> { a: 1, self: [Circular *1], arr: [ [Circular *1] ] }"],
        ),
        ("Object.create(null)", &["[Object: null prototype] {}"]),
        ("Object.create({ a: 1 })", &["{}"]),
        (
            "{ 'a-b': 1, 1: 2, get x() { return 1; }, set x(v) {}, get y() { return 1; }, \
             set z(v) {}, m() {}, [Symbol('k')]: 3 }",
            &[
                "{",
                "  '1': 2,",
                "  'a-b': 1,",
                "  x: [Getter/Setter],",
                "  y: [Getter],",
                "  z: [Setter],",
                "  m: [Function: m],",
                "  Symbol(k): 3",
                "}",
            ],
        ),
        (
            "{ long1: 'a'.repeat(29), long2: 'b'.repeat(30), long3: 'c'.repeat(22), l4: 1 }",
            &[
                "{",
                "  long1: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaa',",
                "  long2: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',",
                "  long3: 'cccccccccccccccccccccc',",
                "  l4: 1",
                "}",
            ],
        ),
        ("JSON, Math", &["Object [JSON] {} Object [Math] {}"]),
        ("{ [Symbol.for('nodejs.util.inspect.custom')]() { return 'mine'; } }", &["mine"]),
        ("new Proxy({ a: 1 }, {})", &["Proxy({ a: 1 })"]),
        ("(function () { return arguments; })(1, 2)", &["[Arguments] [ 1, 2 ]"]),
    ]);
}

#[test]
fn lists_and_maps_are_shown() {
    check(&[
        ("[]", &["[]"]),
        ("[1, 'a', null, undefined]", &["[ 1, 'a', null, undefined ]"]),
        ("[1, , 3], new Array(5)", &["[ 1, <1 empty item>, 3 ] [ <5 empty items> ]"]),
        ("new Map([['k', [1, 2]]]), new Set([1, 'a'])", &["Map(1) { 'k' => [ 1, 2 ] } Set(2) { 1, 'a' }"]),
        ("new Map([[{ a: 1 }, new Set([1])]])", &["Map(1) { { a: 1 } => Set(1) { 1 } }"]),
        ("new WeakMap()", &["WeakMap { <items unknown> }"]),
        ("new Uint8Array([1, 2, 3]), new Float64Array(2)", &["Uint8Array(3) [ 1, 2, 3 ] Float64Array(2) [ 0, 0 ]"]),
        ("new ArrayBuffer(4)", &["ArrayBuffer { [Uint8Contents]: <00 00 00 00>, byteLength: 4 }"]),
        (
            "new DataView(new ArrayBuffer(2))",
            &[
                "DataView {",
                "  byteLength: 2,",
                "  byteOffset: 0,",
                "  buffer: ArrayBuffer { [Uint8Contents]: <00 00>, byteLength: 2 }",
                "}",
            ],
        ),
        ("[1, 2, 3].values()", &["Object [Array Iterator] {}"]),
        ("Object.assign([1, 2], { x: 1 })", &["[ 1, 2, x: 1 ]"]),
        (
            "Array.from({ length: 30 }, (_, i) => 'item' + i)",
            &[
                "[",
                "  'item0',  'item1',  'item2',",
                "  'item3',  'item4',  'item5',",
                "  'item6',  'item7',  'item8',",
                "  'item9',  'item10', 'item11',",
                "  'item12', 'item13', 'item14',",
                "  'item15', 'item16', 'item17',",
                "  'item18', 'item19', 'item20',",
                "  'item21', 'item22', 'item23',",
                "  'item24', 'item25', 'item26',",
                "  'item27', 'item28', 'item29'",
                "]",
            ],
        ),
    ]);
    let numbers = logged("console.log(Array.from({ length: 200 }, (_, i) => i))");
    assert!(numbers[0].starts_with("info [\n   0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11,\n"), "{}", numbers[0]);
    assert!(numbers[0].ends_with("  96, 97, 98, 99,\n  ... 100 more items\n]"), "{}", numbers[0]);
}

#[test]
fn values_of_the_platform_are_shown() {
    check(&[
        ("new Date(0), new Date(NaN), /x/gi", &["1970-01-01T00:00:00.000Z Invalid Date /x/gi"]),
        ("Promise.resolve(5), new Promise(() => {})", &["Promise { 5 } Promise { <pending> }"]),
        ("new URLSearchParams('a=1&b=2')", &["URLSearchParams(2) { 'a' => '1', 'b' => '2' }"]),
        (
            "new URL('http://x/y?z=1')",
            &[
                "URL {",
                "  origin: 'http://x',",
                "  href: 'http://x/y?z=1',",
                "  protocol: 'http:',",
                "  username: '',",
                "  password: '',",
                "  host: 'x',",
                "  hostname: 'x',",
                "  port: '',",
                "  pathname: '/y',",
                "  search: '?z=1',",
                "  hash: '',",
                "  searchParams: URLSearchParams(1) { 'z' => '1' }",
                "}",
            ],
        ),
        (
            "new Event('x')",
            &[
                "Event {",
                "  type: 'x',",
                "  eventPhase: 0,",
                "  composed: false,",
                "  bubbles: false,",
                "  cancelable: false,",
                "  defaultPrevented: false,",
                "  returnValue: true,",
                "  currentTarget: undefined,",
                "  target: undefined,",
                "  srcElement: undefined,",
                "  timeStamp: 0,",
                "  isTrusted: false,",
                "  cancelBubble: false",
                "}",
            ],
        ),
        ("new AbortController().signal", &["AbortSignal { aborted: false, reason: undefined, onabort: null }"]),
        ("new EventTarget()", &["EventTarget {}"]),
    ]);
}

#[test]
fn errors_are_shown_with_what_caused_them() {
    let entries = logged(
        "console.log(new TypeError('boom'));
         console.log(new Error('outer', { cause: new Error('inner') }));
         class Mine extends Error { constructor(m) { super(m); this.name = 'Mine'; this.code = 5; } }
         console.log(new Mine('mine'));
         console.log({ e: new RangeError('nested') });
         console.log(Object.defineProperty(new Error('bare'), 'stack', { value: undefined }));
         console.log(new AggregateError([new Error('a1'), 2], 'agg'));",
    );
    let shape = |entry: &String| {
        let lines = entry.lines().filter(|line| !line.trim_start().starts_with("at "));
        lines.map(str::trim_end).collect::<Vec<_>>().join("|")
    };
    let shapes: Vec<String> = entries.iter().map(shape).collect();
    assert_eq!(shapes[0], "info TypeError: boom");
    assert!(shapes[1].starts_with("info Error: outer|  [cause]: Error: inner|"), "{}", entries[1]);
    assert!(shapes[2].starts_with("info Mine: mine|  code: 5|}"), "{}", entries[2]);
    assert!(shapes[3].starts_with("info {|  e: RangeError: nested|}"), "{}", entries[3]);
    assert_eq!(shapes[4], "info [Error: bare]");
    assert!(shapes[5].starts_with("info AggregateError: agg|  [errors]: [|    Error: a1|"), "{}", entries[5]);
    assert!(entries[0].contains("\n    at "), "{}", entries[0]);
}

#[test]
fn directives_are_replaced() {
    check(&[
        (
            "'%s is %d years and %i, %f, %j %O %c styled %% %x', 'Bob', 42.5, 42.9, '1.5', { a: 1 }, \
             { c: { d: { e: { f: 1 } } } }, 'color:red', 'extra', { z: 1 }",
            &["Bob is 42.5 years and 42, 1.5, {\"a\":1} { c: { d: { e: [Object] } } }  styled % %x extra { z: 1 }"],
        ),
        ("'%s', { a: 1 }, '%s'", &["{ a: 1 } %s"]),
        ("'%d', 'abc'", &["NaN"]),
        ("'%s %s', 'one'", &["one %s"]),
        ("'100%', 5", &["100% 5"]),
        ("'a', 'b', 1, { c: 'd' }, ['e']", &["a b 1 { c: 'd' } [ 'e' ]"]),
        ("'%s', null, undefined, 5n, -0, () => 1", &["null undefined 5n -0 [Function (anonymous)]"]),
        ("'%d %i %f', 5n, '0x10', 'x'", &["5n 16 NaN"]),
        ("5, '%s', 'x'", &["5 %s x"]),
        ("'%s', new (class A { x = 1; })(), 'x'", &["A { x: 1 } x"]),
        ("'%s', [1, [2, [3]]]", &["[ 1, [Array] ]"]),
        ("'%o', [1]", &["[ 1, [length]: 1 ]"]),
        ("'%j', (() => { const c = {}; c.c = c; return c; })()", &["[Circular]"]),
        ("'%s', { toString() { return 'custom'; } }", &["custom"]),
    ]);
}

#[test]
fn groups_counts_and_tables_are_written() {
    let entries = logged(
        "console.group('one'); console.log('in\\nside'); console.group(); console.warn('deep'); console.groupEnd();
         console.groupEnd(); console.groupEnd(); console.log('out');
         console.count(); console.count('x'); console.count(); console.countReset(); console.count();
         console.countReset('no');
         console.assert(true, 'no'); console.assert(false, 'yes %s', 'fmt'); console.assert(false, { a: 1 });
         console.timeEnd('no'); console.time('t'); console.time('t');
         console.debug('debug'); console.info('info'); console.error('error');
         console.dir({ a: { b: {} } }, { depth: 0 });
         console.table([{ a: 1, b: 'x' }, { a: 2 }, 5]); console.table([[1]], ['0']); console.table(7);",
    );
    let expected = [
        "info one",
        "info   in\n  side",
        "warn     deep",
        "info out",
        "info default: 1",
        "info x: 1",
        "info default: 2",
        "info default: 1",
        "warn Count for 'no' does not exist",
        "error Assertion failed: yes fmt",
        "error Assertion failed { a: 1 }",
        "warn No such label 'no' for console.timeEnd()",
        "warn Label 't' already exists for console.time()",
        "debug debug",
        "info info",
        "error error",
        "info { a: [Object] }",
        "info ┌─────────┬───┬─────┬────────┐\n\
         │ (index) │ a │ b   │ Values │\n\
         ├─────────┼───┼─────┼────────┤\n\
         │ 0       │ 1 │ 'x' │        │\n\
         │ 1       │ 2 │     │        │\n\
         │ 2       │   │     │ 5      │\n\
         └─────────┴───┴─────┴────────┘",
        "info ┌─────────┬───┐\n\
         │ (index) │ 0 │\n\
         ├─────────┼───┤\n\
         │ 0       │ 1 │\n\
         └─────────┴───┘",
        "info 7",
    ];
    assert_eq!(entries, expected);
}

#[test]
fn an_entry_is_cut() {
    let entries = logged("console.log('x'.repeat(1 << 20)); console.log({ text: 'x'.repeat(1 << 20) });");
    assert_eq!(entries[0].len(), "info ".len() + 65_536 + "... cut".len());
    assert!(entries[1].ends_with("x'... 1038576 more characters\n}"), "{}", &entries[1][entries[1].len() - 60..]);
}

#[test]
fn what_nobody_catches_is_logged() {
    let entries = logged(
        "reportError(new RangeError('reported'));
         queueMicrotask(() => { throw new Error('microtask'); });
         new EventTarget().dispatchEvent(new Event('nobody'));
         const target = new EventTarget();
         target.addEventListener('x', () => { throw new Error('listener'); });
         target.dispatchEvent(new Event('x'));
         Promise.reject(new TypeError('rejected'));
         Promise.reject('caught').catch(() => {});
         await new Promise((resolve) => setTimeout(resolve, 0));
         console.log('end');",
    );
    let first: Vec<&str> = entries.iter().map(|entry| entry.lines().next().unwrap()).collect();
    let expected = [
        "error Uncaught RangeError: reported",
        "error Uncaught Error: listener",
        "error Uncaught Error: microtask",
        "error Uncaught (in promise) TypeError: rejected",
        "info end",
    ];
    assert_eq!(first, expected);
}
