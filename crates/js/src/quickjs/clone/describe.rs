//! How V8 words a value that cannot be cloned (`Object::NoSideEffectsToString`): no code of the user runs.

use super::super::Engine;
use super::super::value::JsRef;
use super::intrinsics::{Intrinsics, Kind};

/// The text of a value in `… could not be cloned.`
pub(super) fn detail(engine: &Engine, intrinsics: &Intrinsics, value: &JsRef) -> String {
    if !value.is_object() {
        let text = engine.invoke(&intrinsics.symbol_to_string.get(engine), value, &[]);
        return text.map_or_else(|_| String::new(), |text| engine.text(&text));
    }
    let Some(target) = unwrapped(engine, value) else { return "null".to_owned() };
    if target.is_function() {
        return source(engine, intrinsics, &target);
    }
    if engine.global().address() == target.address() {
        return "#<ServiceWorkerGlobalScope>".to_owned();
    }
    if let Some(name) = class_name(engine, intrinsics, &target) {
        return format!("#<{name}>");
    }
    let tag = if value.is_proxy() { None } else { tag(engine, intrinsics, &target) };
    let class =
        || if value.is_proxy() || intrinsics.kind(value) == Kind::Typed { None } else { engine.class_of(value) };
    format!("[object {}]", tag.or_else(class).as_deref().unwrap_or("Object"))
}

/// The name of the class that an object is an instance of.
pub(super) fn constructor_name(engine: &Engine, object: &JsRef) -> Option<String> {
    let mut prototype = engine.prototype(object)?;
    loop {
        if prototype.is_proxy() {
            return None;
        }
        let constructor = engine.data(&prototype, &engine.key(c"constructor"));
        if let Some(name) = constructor.and_then(|constructor| function_name(engine, &constructor)) {
            return Some(name);
        }
        prototype = engine.prototype(&prototype)?;
    }
}

/// What a proxy stands for in the end; none when it was revoked.
fn unwrapped(engine: &Engine, value: &JsRef) -> Option<JsRef> {
    let mut value = value.clone();
    while value.is_proxy() {
        value = engine.proxied(&value)?;
    }
    Some(value)
}

/// The source of a function, on one line when it has none.
fn source(engine: &Engine, intrinsics: &Intrinsics, function: &JsRef) -> String {
    let text = engine.invoke(&intrinsics.function_to_string.get(engine), function, &[]);
    let text = text.map_or_else(|_| String::new(), |text| engine.text(&text));
    match text.strip_suffix("{\n    [native code]\n}") {
        Some(head) if head.starts_with("function bound ") => "function () { [native code] }".to_owned(),
        Some(head) => format!("{head}{{ [native code] }}"),
        None => text,
    }
}

/// By its constructor, if it is worded as any object.
fn class_name(engine: &Engine, intrinsics: &Intrinsics, object: &JsRef) -> Option<String> {
    let to_string = engine.data(object, &engine.key(c"toString"))?;
    if !to_string.is(&intrinsics.object_to_string.get(engine)) {
        return None;
    }
    function_name(engine, &engine.data(object, &engine.key(c"constructor"))?)
}

fn function_name(engine: &Engine, function: &JsRef) -> Option<String> {
    if !function.is_function() {
        return None;
    }
    let name = engine.data(function, &engine.key(c"name")).filter(JsRef::is_string)?;
    Some(engine.text(&name)).filter(|name| !name.is_empty())
}

fn tag(engine: &Engine, intrinsics: &Intrinsics, object: &JsRef) -> Option<String> {
    let key = engine.key_of(&intrinsics.to_string_tag.get(engine)).ok()?;
    engine.data(object, &key).filter(JsRef::is_string).map(|tag| engine.text(&tag))
}
