//! What the fetch classes ask of crates: URLs, media types and forms.

use data_url::mime::Mime;
use url::{Url, form_urlencoded};

use super::multipart;
use crate::engine::{Call, Fault, Op, Out};

pub(crate) const OPS: &[Op] = &[
    Op { name: "url_normalize", run: url_normalize },
    Op { name: "media_type", run: media_type },
    Op { name: "form_boundary", run: form_boundary },
    Op { name: "form_parse", run: form_parse },
];

const UNKNOWN_TYPE: &str = "Unrecognized Content-Type header value. FormData can only parse the following MIME types: \
                            multipart/form-data, application/x-www-form-urlencoded";
const NO_BOUNDARY: &str = "No boundary string in Content-Type header. The multipart/form-data MIME type requires a \
                           boundary parameter, e.g. 'Content-Type: multipart/form-data; boundary=\"abcd\"'. See RFC \
                           7578, section 4.";

/// `(text, URL that it is relative to, or null)`: the URL that it is, as it is written; null if it is none.
fn url_normalize(call: &Call<'_>) -> Result<Out, Fault> {
    let base = call.optional_text(1)?.and_then(|base| Url::parse(&base).ok());
    Ok(call.with_text(0, |text| Url::options().base_url(base.as_ref()).parse(text).ok().map(String::from))?.into())
}

/// `(value of Content-Type)`: the media type in it; empty if there is none.
fn media_type(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(call.with_text(0, |value| extract(value).map(|mime| mime.to_string()))?.unwrap_or_default().into())
}

/// The last media type of a header, with the character set of the ones before that are the same type (Fetch, section
/// 2.2.2, "extract a MIME type").
fn extract(value: &str) -> Option<Mime> {
    let mut charset: Option<String> = None;
    let mut last: Option<Mime> = None;
    for part in split_list(value) {
        let Ok(mut mime) = part.parse::<Mime>() else { continue };
        if (mime.type_.as_str(), mime.subtype.as_str()) == ("*", "*") {
            continue;
        }
        let is_same = last.as_ref().is_some_and(|last| last.type_ == mime.type_ && last.subtype == mime.subtype);
        match mime.get_parameter("charset") {
            Some(own) => charset = Some(own.to_owned()),
            None if !is_same => charset = None,
            None => mime.parameters.extend(charset.clone().map(|charset| ("charset".to_owned(), charset))),
        }
        last = Some(mime);
    }
    last
}

/// The items of a header, between commas that are in no quotes.
fn split_list(value: &str) -> Vec<&str> {
    let (mut items, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                items.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&value[start..]);
    items
}

/// `()`: a text that stands in no form.
fn form_boundary(_call: &Call<'_>) -> Result<Out, Fault> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Fault::error(format!("no random numbers: {error}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)).into())
}

/// `(bytes, value of Content-Type)`: lists of name, value, and, for files, file name and type
fn form_parse(call: &Call<'_>) -> Result<Out, Fault> {
    let mime = call.text(1)?.parse::<Mime>().map_err(|_| Fault::type_error(UNKNOWN_TYPE))?;
    let body = call.bytes(0)?;
    match (mime.type_.as_str(), mime.subtype.as_str()) {
        ("multipart", "form-data") => {
            let boundary = mime.get_parameter("boundary").ok_or_else(|| Fault::type_error(NO_BOUNDARY))?;
            let parts = multipart::parse(body, boundary).map_err(Fault::type_error)?;
            Ok(parts.into_iter().map(entry).collect::<Vec<_>>().into())
        }
        ("application", "x-www-form-urlencoded") => {
            let charset = mime.get_parameter("charset").map(str::to_ascii_lowercase);
            if !matches!(charset.as_deref(), None | Some("utf-8" | "utf8" | "unicode-1-1-utf-8")) {
                return Err(Fault::type_error("Non-utf-8 application/x-www-form-urlencoded body."));
            }
            let pairs = form_urlencoded::parse(body);
            let entries = pairs.map(|(name, value)| vec![Out::from(&*name), Out::from(&*value), Out::Null, Out::Null]);
            Ok(entries.collect::<Vec<_>>().into())
        }
        _ => Err(Fault::type_error(UNKNOWN_TYPE)),
    }
}

fn entry(part: multipart::Part<'_>) -> Vec<Out> {
    match part.file {
        None => vec![part.name.into(), String::from_utf8_lossy(part.value).into_owned().into(), Out::Null, Out::Null],
        Some(file) => vec![part.name.into(), part.value.to_vec().into(), file.name.into(), file.kind.into()],
    }
}

#[cfg(test)]
mod tests {
    use super::extract;

    #[test]
    fn the_last_media_type_counts() {
        for (value, expected) in [
            ("text/html", Some("text/html")),
            ("TEXT/HTML; Charset=X", Some("text/html;charset=X")),
            ("text/html, text/plain", Some("text/plain")),
            ("text/html;charset=a, text/html;x=1", Some("text/html;x=1;charset=a")),
            ("text/html;charset=a, text/plain", Some("text/plain")),
            ("text/html, */*", Some("text/html")),
            ("text/html;x=\",\"", Some("text/html;x=\",\"")),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(extract(value).map(|mime| mime.to_string()).as_deref(), expected, "{value}");
        }
    }
}
