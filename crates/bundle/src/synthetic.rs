//! Modules that no file holds: the code that stands for data, for `require` of a built-in, and for refusals.
//!
//! Their ids begin with a zero byte, by which bundlers and their plugins know that there is no file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The module that turns text into bytes.
pub(crate) const DECODER: &str = "\0dormouse:decoder";

/// Before the specifier of a built-in module that CommonJS code requires.
pub(crate) const REQUIRED: &str = "\0dormouse:required:";

/// Before the number of a refusal.
pub(crate) const REFUSED: &str = "\0dormouse:refused:";

/// Needs nothing of the platform. `fromBase64` is quicker where the engine has it.
const DECODER_CODE: &str = r#"
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
export function decode(text, length) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text).buffer;
  const values = new Uint8Array(128);
  for (let i = 0; i < 64; i++) values[alphabet.charCodeAt(i)] = i;
  const bytes = new Uint8Array(length);
  for (let from = 0, to = 0; to < length; from += 4) {
    const bits = (values[text.charCodeAt(from)] << 18) | (values[text.charCodeAt(from + 1)] << 12) |
      (values[text.charCodeAt(from + 2)] << 6) | values[text.charCodeAt(from + 3)];
    bytes[to++] = bits >> 16;
    if (to < length) bytes[to++] = bits >> 8;
    if (to < length) bytes[to++] = bits;
  }
  return bytes.buffer;
}
"#;

/// The code of the synthetic module `id`, unless it is a refusal or a file.
pub(crate) fn code(id: &str) -> Option<String> {
    if id == DECODER {
        return Some(DECODER_CODE.to_owned());
    }
    // What `require` gives in Node is the default export of the module.
    let specifier = id.strip_prefix(REQUIRED)?;
    Some(format!("import * as module_ from {specifier:?};\nmodule.exports = module_.default ?? module_;\n"))
}

/// The code of a module whose default export is an `ArrayBuffer` of `bytes`.
pub(crate) fn data(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let decoder = DECODER.replace('\0', "\\0");
    format!(
        "import {{ decode }} from \"{decoder}\";\nexport default /* @__PURE__ */ decode(\"{text}\", {});\n",
        bytes.len()
    )
}
