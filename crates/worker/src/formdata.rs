//! Form data: what `Request::form_data` reads from `multipart/form-data` and form-encoded bodies.
//!
//! As in the `worker` crate the methods take `&self`, so the entries are in a cell.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use crate::Result;
use crate::date::Date;
use crate::error::{Error, with_causes};

/// One value of a form.
#[derive(Debug, Clone)]
pub enum FormEntry {
    /// Text.
    Field(String),
    /// A file.
    File(File),
}

/// The fields and files of a form, in order; a name may occur more than once.
#[derive(Debug, Default)]
pub struct FormData {
    entries: RefCell<Vec<(String, FormEntry)>>,
}

impl FormData {
    /// A form without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first value under `name`.
    pub fn get(&self, name: &str) -> Option<FormEntry> {
        self.matching(name).next()
    }

    /// The first value under `name`, if it is text.
    pub fn get_field(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            FormEntry::Field(text) => Some(text),
            FormEntry::File(_) => None,
        }
    }

    /// All values under `name`; never `None`, but empty.
    pub fn get_all(&self, name: &str) -> Option<Vec<FormEntry>> {
        Some(self.matching(name).collect())
    }

    /// Whether there is a value under `name`.
    pub fn has(&self, name: &str) -> bool {
        self.matching(name).next().is_some()
    }

    /// Adds a field and keeps those that are there.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn append(&self, name: &str, value: &str) -> Result<()> {
        let field = FormEntry::Field(value.to_owned());
        self.entries.borrow_mut().push((name.to_owned(), field));
        Ok(())
    }

    /// Puts a field in the place of all values under `name`.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn set(&self, name: &str, value: &str) -> Result<()> {
        let mut entries = self.entries.borrow_mut();
        let field = FormEntry::Field(value.to_owned());
        // The new value takes the place of the first old one, as the standard has it.
        match entries.iter().position(|(key, _)| key == name) {
            Some(first) => {
                entries[first].1 = field;
                let mut index = 0;
                entries.retain(|(key, _)| {
                    index += 1;
                    index - 1 <= first || key != name
                });
            }
            None => entries.push((name.to_owned(), field)),
        }
        Ok(())
    }

    /// Removes all values under `name`.
    pub fn delete(&self, name: &str) {
        self.entries.borrow_mut().retain(|(key, _)| key != name);
    }

    /// Reads a whole body by its content type.
    pub(crate) async fn parse(content_type: &str, body: Bytes) -> Result<Self> {
        if let Ok(boundary) = multer::parse_boundary(content_type) {
            return Self::parse_multipart(boundary, body).await;
        }
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Error::BadEncoding);
        }
        let fields = url::form_urlencoded::parse(&body)
            .map(|(name, value)| (name.into_owned(), FormEntry::Field(value.into_owned())));
        Ok(Self { entries: RefCell::new(fields.collect()) })
    }

    async fn parse_multipart(boundary: String, body: Bytes) -> Result<Self> {
        let mut parts = multer::Multipart::new(Whole(Some(body)), boundary);
        let mut entries = Vec::new();
        while let Some(part) = parts.next_field().await.map_err(malformed)? {
            let name = part.name().unwrap_or_default().to_owned();
            let file_name = part.file_name().map(str::to_owned);
            let content_type = part.content_type().map(ToString::to_string);
            let bytes = part.bytes().await.map_err(malformed)?;
            let entry = match file_name {
                Some(file_name) => FormEntry::File(File {
                    bytes,
                    name: file_name,
                    type_: content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
                    last_modified: Date::now(),
                }),
                None => FormEntry::Field(String::from_utf8_lossy(&bytes).into_owned()),
            };
            entries.push((name, entry));
        }
        Ok(Self { entries: RefCell::new(entries) })
    }

    fn matching(&self, name: &str) -> impl Iterator<Item = FormEntry> {
        let entries = self.entries.borrow();
        let found: Vec<_> = entries.iter().filter(|(key, _)| key == name).map(|(_, entry)| entry.clone()).collect();
        found.into_iter()
    }
}

/// A body that is already here, as the stream that `multer` reads.
struct Whole(Option<Bytes>);

impl Stream for Whole {
    type Item = std::result::Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

fn malformed(error: multer::Error) -> Error {
    Error::from(with_causes(&error))
}

/// A file of a form.
#[derive(Debug, Clone)]
pub struct File {
    bytes: Bytes,
    name: String,
    type_: String,
    last_modified: Date,
}

impl File {
    /// A file with a name and no type.
    pub fn new(data: impl AsRef<[u8]>, name: &str) -> Self {
        Self {
            bytes: Bytes::copy_from_slice(data.as_ref()),
            name: name.to_owned(),
            type_: String::new(),
            last_modified: Date::now(),
        }
    }

    /// The name that the client gave.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// How many bytes the file has.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The media type that the client gave.
    pub fn type_(&self) -> String {
        self.type_.clone()
    }

    /// What is in the file.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub async fn bytes(&self) -> Result<Vec<u8>> {
        Ok(self.bytes.to_vec())
    }

    /// When the file was made here: a form does not carry the time of the client's file.
    pub fn last_modified(&self) -> Date {
        self.last_modified.clone()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt;

    use super::{File, FormData, FormEntry};
    use crate::error::Error;

    fn parse(content_type: &str, body: &str) -> Result<FormData, Error> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        FormData::parse(content_type, body).now_or_never().unwrap()
    }

    /// The form as text: `name=value`, files as `name=[file name, type, size]`.
    fn show(form: &FormData, names: &[&str]) -> String {
        let mut shown = Vec::new();
        for name in names {
            for entry in form.get_all(name).unwrap() {
                shown.push(match entry {
                    FormEntry::Field(text) => format!("{name}={text}"),
                    FormEntry::File(file) => {
                        format!("{name}=[{}, {}, {}]", file.name(), file.type_(), file.size())
                    }
                });
            }
        }
        shown.join(" ")
    }

    #[test]
    fn bodies_parse_by_content_type() {
        fn check(content_type: &str, body: &str, expected: &str) {
            let form = parse(content_type, body).unwrap();
            assert_eq!(show(&form, &["a", "b", "f"]), expected);
        }
        let encoded = "application/x-www-form-urlencoded";
        check(encoded, "a=1&b=x+y%21&a=2", "a=1 a=2 b=x y!");
        check("Application/X-WWW-Form-URLEncoded; charset=utf-8", "a=1", "a=1");
        check(encoded, "", "");
        check(
            "multipart/form-data; boundary=XX",
            concat!(
                "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n",
                "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\n",
                "Content-Type: text/plain\r\n\r\nhello\r\n--XX--\r\n",
            ),
            "a=1 f=[n.txt, text/plain, 5]",
        );
    }

    #[test]
    fn other_bodies_are_refused() {
        assert!(matches!(parse("text/plain", "a=1"), Err(Error::BadEncoding)));
        assert!(matches!(parse("multipart/form-data", ""), Err(Error::BadEncoding)));
        assert!(parse("multipart/form-data; boundary=XX", "--XX\r\nbroken").is_err());
    }

    #[test]
    fn fields_change_in_place() {
        let form = parse("application/x-www-form-urlencoded", "a=1&b=2&a=3").unwrap();
        form.set("a", "4").unwrap();
        assert_eq!(show(&form, &["a", "b"]), "a=4 b=2");
        form.append("b", "5").unwrap();
        form.set("f", "6").unwrap();
        assert_eq!(show(&form, &["b", "f"]), "b=2 b=5 f=6");
        form.delete("b");
        assert!(!form.has("b") && form.has("a"));
        assert_eq!(form.get_field("f").as_deref(), Some("6"));
        assert!(form.get("none").is_none());
    }

    #[test]
    fn a_file_keeps_its_bytes() {
        let file = File::new(b"abc", "n");
        assert_eq!((file.name(), file.size(), file.type_()), ("n".into(), 3, "".into()));
        assert_eq!(file.bytes().now_or_never().unwrap().unwrap(), b"abc");
    }
}
