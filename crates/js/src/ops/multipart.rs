//! Bodies of the type `multipart/form-data` (RFC 7578), as workerd reads them (src/workerd/api/form-data.c++).
//!
//! `multer`, which reads such bodies for servers, is stricter and words its errors otherwise: here a line may end
//! without a carriage return, a file without a name is a text, and names are read as browsers escape them.

use memchr::memmem;

/// Headers of one part; browsers send two.
const HEADERS_MAX: usize = 32;

/// One field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) name: String,
    pub(super) value: &'a [u8],
    pub(super) file: Option<File>,
}

/// What makes a field a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: String,
    /// Its media type, which may be empty.
    pub(super) kind: String,
}

/// All fields of a form.
pub(super) fn parse<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, String> {
    let delimiter = format!("\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    // The first one may stand at the beginning, without an end of a line before it.
    let mut rest = match memmem::find(body, &delimiter.as_bytes()[1..]) {
        Some(at) if at + delimiter.len() - 1 < body.len() => &body[at + delimiter.len() - 1..],
        _ => return Err("No initial boundary string (or you have a truncated message).".to_owned()),
    };
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        rest = rest
            .strip_prefix(b"\n")
            .or_else(|| rest.strip_prefix(b"\r\n"))
            .ok_or("Boundary string was not succeeded by CRLF, LF, or '--'.")?;
        let head_len = head_len(rest).ok_or("No multipart message header termination found.")?;
        let (head, after) = rest.split_at(head_len);
        let (name, file) = parse_head(head)?;
        let end = finder.find(after).filter(|end| end + delimiter.len() < after.len());
        let end = end.ok_or("No subsequent boundary string after multipart message.")?;
        let value = &after[..end];
        parts.push(Part { name, value: value.strip_suffix(b"\r").unwrap_or(value), file });
        rest = &after[end + delimiter.len()..];
    }
}

/// How long the headers are, with the empty line after them.
fn head_len(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', text).find_map(|at| match text.get(at + 1..) {
        Some([b'\n', ..]) => Some(at + 2),
        Some([b'\r', b'\n', ..]) => Some(at + 3),
        _ => None,
    })
}

fn parse_head(head: &[u8]) -> Result<(String, Option<File>), String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let headers = match httparse::parse_headers(head, &mut headers) {
        Ok(httparse::Status::Complete((_, headers))) => headers,
        _ => return Err("FormData part had invalid headers.".to_owned()),
    };
    let get =
        |name: &str| headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value);
    let disposition =
        get("content-disposition").ok_or("No valid Content-Disposition header found in FormData part.")?;
    let (name, file_name) = parse_disposition(disposition)?;
    let name = name.ok_or("Content-Disposition header in FormData part is missing a name.")?;
    let kind = get("content-type").unwrap_or_default();
    Ok((name, file_name.map(|name| File { name, kind: String::from_utf8_lossy(kind).into_owned() })))
}

/// The parameters `name` and `filename`.
fn parse_disposition(text: &[u8]) -> Result<(Option<String>, Option<String>), String> {
    let (kind, mut rest) = split_word(trim(text));
    if kind.is_empty() {
        return Err("Invalid Content-Disposition header found in FormData part.".to_owned());
    }
    if kind != b"form-data" {
        return Err(format!(
            "Content-Disposition header for FormData part must have the value \"form-data\", possibly followed by \
             parameters. Got: \"{}\"",
            String::from_utf8_lossy(kind)
        ));
    }
    let (mut name, mut file_name) = (None, None);
    while let Some((parameter, value, after)) = parse_parameter(rest) {
        match parameter {
            b"name" => name = Some(value),
            b"filename" => file_name = Some(value),
            _ => {}
        }
        rest = after;
    }
    Ok((name, file_name))
}

/// `; name="value"`, and what comes after it. Empty values are none.
fn parse_parameter(text: &[u8]) -> Option<(&[u8], String, &[u8])> {
    let (name, rest) = split_word(trim(trim(text).strip_prefix(b";")?));
    let mut rest = trim(trim(rest).strip_prefix(b"=")?).strip_prefix(b"\"")?;
    let mut value = Vec::new();
    loop {
        rest = match rest {
            [b'"', after @ ..] if !name.is_empty() && !value.is_empty() => {
                return Some((name, String::from_utf8_lossy(&value).into_owned(), after));
            }
            [] | [b'"' | b'\n', ..] | [b'\\'] | [b'\\', b'\n', ..] => return None,
            // A backslash stands for the character after it, whichever that is, as in browsers.
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                value.push(*byte);
                after
            }
        };
    }
}

fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.split_at(text.iter().position(|byte| !is_word(byte)).unwrap_or(text.len()))
}

fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::{parse, parse_disposition};

    #[test]
    fn fields_are_between_boundaries() {
        let check = |body: &str, expected: &[(&str, &str)]| {
            let parts = parse(body.as_bytes(), "B").unwrap();
            let parts: Vec<_> =
                parts.iter().map(|part| (&*part.name, std::str::from_utf8(part.value).unwrap())).collect();
            assert_eq!(parts, expected, "{body:?}");
        };
        let field = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
        check(&format!("{field}--B--"), &[("a", "1")]);
        check(&format!("before\r\n{field}{field}--B--\r\nafter"), &[("a", "1"), ("a", "1")]);
        check("--B\nContent-Disposition: form-data; name=\"a\"\n\n1\n--B--", &[("a", "1")]);
        check("--B--", &[]);
    }

    #[test]
    fn no_text_panics() {
        let body = "--B\r\nContent-Disposition: form-data; name=\"a\\\"b\"; filename=\"c\"\r\n\r\n1\r\n--B--";
        for from in 0..body.len() {
            for to in from..body.len() {
                let _ = parse(&body.as_bytes()[from..to], "B");
            }
        }
    }

    #[test]
    fn names_are_unescaped() {
        for (text, name, file_name) in [
            ("form-data; name=\"a\"", Some("a"), None),
            ("form-data;name=\"a\";filename=\"b\"", Some("a"), Some("b")),
            (" form-data ; x=\"y\" ; name = \"a b\"", Some("a b"), None),
            ("form-data; name=\"a\\\"b\\\\c\\d\"", Some("a\"b\\cd"), None),
            ("form-data; name=a", None, None),
            ("form-data; name=\"\"", None, None),
            ("form-data; name=\"a", None, None),
            ("form-data; name=\"a\\", None, None),
        ] {
            let names = parse_disposition(text.as_bytes()).unwrap();
            assert_eq!((names.0.as_deref(), names.1.as_deref()), (name, file_name), "{text}");
        }
        assert!(parse_disposition(b"attachment; name=\"a\"").is_err());
        assert!(parse_disposition(b"").is_err());
    }
}
