//! Headers with the behaviour of the Fetch standard: names in any case, values joined with `, `, iteration
//! sorted and in lower case.
//!
//! As in the `worker` crate the methods take `&self`, so the map is in a cell. The headers of a request that
//! the runtime delivered are immutable; a clone of them is not.

use std::cell::RefCell;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::Result;
use crate::error::Error;

/// The headers of a request or a response.
#[derive(Default)]
pub struct Headers {
    map: RefCell<HeaderMap>,
    guard: Guard,
}

/// Whether the map may change.
#[derive(Default, PartialEq, Eq)]
enum Guard {
    #[default]
    None,
    Immutable,
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// All values under `name`, joined with a comma and a space.
    ///
    /// # Errors
    /// When `name` is no header name, such as one with a space in it.
    pub fn get(&self, name: &str) -> Result<Option<String>> {
        let name = HeaderName::try_from(name)?;
        Ok(joined(&self.map.borrow(), &name))
    }

    /// The values under `name`, one by one.
    ///
    /// # Errors
    /// When `name` is no header name.
    pub fn get_all(&self, name: &str) -> Result<Vec<String>> {
        let name = HeaderName::try_from(name)?;
        Ok(self.map.borrow().get_all(&name).iter().map(text).collect())
    }

    /// Whether there is a value under `name`.
    ///
    /// # Errors
    /// When `name` is no header name.
    pub fn has(&self, name: &str) -> Result<bool> {
        let name = HeaderName::try_from(name)?;
        Ok(self.map.borrow().contains_key(&name))
    }

    /// Whether there is nothing here.
    pub fn is_empty(&self) -> bool {
        self.map.borrow().is_empty()
    }

    /// Adds a value and keeps those that are there.
    ///
    /// # Errors
    /// When the name or the value is malformed, or the headers are immutable.
    pub fn append(&self, name: &str, value: &str) -> Result<()> {
        let (name, value) = parse(name, value)?;
        self.check_mutable()?;
        self.map.borrow_mut().try_append(name, value).map_err(full)?;
        Ok(())
    }

    /// Puts a value in the place of those that are there.
    ///
    /// # Errors
    /// When the name or the value is malformed, or the headers are immutable.
    pub fn set(&self, name: &str, value: &str) -> Result<()> {
        let (name, value) = parse(name, value)?;
        self.check_mutable()?;
        self.map.borrow_mut().try_insert(name, value).map_err(full)?;
        Ok(())
    }

    /// Removes every value under `name`.
    ///
    /// # Errors
    /// When `name` is no header name, or the headers are immutable.
    pub fn delete(&self, name: &str) -> Result<()> {
        let name = HeaderName::try_from(name)?;
        self.check_mutable()?;
        self.map.borrow_mut().remove(&name);
        Ok(())
    }

    /// Names and values, sorted by name, each name once (but `set-cookie`, whose values must not be joined).
    pub fn entries(&self) -> HeaderIterator {
        let map = self.map.borrow();
        let mut names: Vec<&HeaderName> = map.keys().collect();
        names.sort_unstable_by_key(|name| name.as_str());
        let mut entries = Vec::with_capacity(map.len());
        for name in names {
            if *name == header::SET_COOKIE {
                let values = map.get_all(name).iter().map(text);
                entries.extend(values.map(|value| (name.to_string(), value)));
            } else if let Some(value) = joined(&map, name) {
                entries.push((name.to_string(), value));
            }
        }
        HeaderIterator(entries.into_iter())
    }

    /// The names of [`entries`](Self::entries), in its order.
    pub fn keys(&self) -> impl Iterator<Item = String> + use<> {
        self.entries().map(|(name, _)| name)
    }

    /// The values of [`entries`](Self::entries), in its order.
    pub fn values(&self) -> impl Iterator<Item = String> + use<> {
        self.entries().map(|(_, value)| value)
    }

    /// The headers of a request that the runtime delivered.
    pub(crate) fn immutable(map: HeaderMap) -> Self {
        Self { map: RefCell::new(map), guard: Guard::Immutable }
    }

    pub(crate) fn is_immutable(&self) -> bool {
        self.guard == Guard::Immutable
    }

    /// The first value under a name that is known to be good, without copying it.
    pub(crate) fn with_first<T>(&self, name: &HeaderName, read: impl FnOnce(&HeaderValue) -> T) -> Option<T> {
        self.map.borrow().get(name).map(read)
    }

    /// Puts a value that is known to be good.
    pub(crate) fn put(&mut self, name: HeaderName, value: HeaderValue) {
        self.map.get_mut().insert(name, value);
    }

    fn check_mutable(&self) -> Result<()> {
        if self.is_immutable() {
            return Err(Error::JsError("Can't modify immutable headers.".to_owned()));
        }
        Ok(())
    }
}

fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    // The standard trims the whitespace that HTTP knows, and accepts bytes beyond ASCII.
    let value = value.trim_matches(['\t', '\n', '\r', ' ']);
    let name = HeaderName::try_from(name)?;
    Ok((name, HeaderValue::from_bytes(value.as_bytes())?))
}

fn full(_: header::MaxSizeReached) -> Error {
    Error::JsError("Too many headers.".to_owned())
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn joined(map: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = map.get_all(name).iter();
    let mut all = text(values.next()?);
    for value in values {
        all.push_str(", ");
        all.push_str(&String::from_utf8_lossy(value.as_bytes()));
    }
    Some(all)
}

/// Iterates over headers; made by [`Headers::entries`].
#[derive(Debug)]
pub struct HeaderIterator(std::vec::IntoIter<(String, String)>);

impl Iterator for HeaderIterator {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl IntoIterator for &Headers {
    type Item = (String, String);
    type IntoIter = HeaderIterator;

    fn into_iter(self) -> Self::IntoIter {
        self.entries()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries()).finish()
    }
}

impl Clone for Headers {
    /// A copy that may be changed.
    fn clone(&self) -> Self {
        HeaderMap::from(self).into()
    }
}

impl<T: AsRef<str>> FromIterator<(T, T)> for Headers {
    /// Malformed pairs are left out, as in the `worker` crate.
    fn from_iter<I: IntoIterator<Item = (T, T)>>(pairs: I) -> Self {
        let headers = Headers::new();
        for (name, value) in pairs {
            let _malformed = headers.append(name.as_ref(), value.as_ref());
        }
        headers
    }
}

impl<'a, T: AsRef<str>> FromIterator<&'a (T, T)> for Headers {
    fn from_iter<I: IntoIterator<Item = &'a (T, T)>>(pairs: I) -> Self {
        pairs.into_iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect::<Headers>()
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        Self { map: RefCell::new(map), guard: Guard::None }
    }
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        map.clone().into()
    }
}

impl From<Headers> for HeaderMap {
    fn from(headers: Headers) -> Self {
        headers.map.into_inner()
    }
}

impl From<&Headers> for HeaderMap {
    fn from(headers: &Headers) -> Self {
        headers.map.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::Headers;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().collect()
    }

    #[test]
    fn values_join_and_names_ignore_case() {
        fn check(pairs: &[(&str, &str)], name: &str, expected: Option<&str>) {
            let got = headers(pairs).get(name).unwrap();
            assert_eq!(got.as_deref(), expected, "{pairs:?} {name}");
        }
        check(&[("Accept", "a"), ("accept", "b")], "ACCEPT", Some("a, b"));
        check(&[("x", " padded\t")], "x", Some("padded"));
        check(&[("x", "")], "x", Some(""));
        check(&[("x", "é")], "X", Some("é"));
        check(&[("x", "1")], "y", None);
        check(&[("not a name", "1"), ("x", "2")], "x", Some("2"));
    }

    #[test]
    fn entries_are_sorted_and_cookies_stay_apart() {
        let all: Vec<_> =
            headers(&[("X-B", "1"), ("set-cookie", "a=1"), ("Accept", "x"), ("Set-Cookie", "b=2"), ("x-b", "2")])
                .entries()
                .collect();
        let expected = [("accept", "x"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-b", "1, 2")];
        assert_eq!(all, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn changes_and_refusals() {
        let headers = headers(&[("a", "1")]);
        headers.append("a", "2").unwrap();
        assert_eq!(headers.get_all("a").unwrap(), ["1", "2"]);
        headers.set("a", "3").unwrap();
        assert_eq!(headers.get_all("A").unwrap(), ["3"]);
        assert!(headers.has("a").unwrap());
        headers.delete("A").unwrap();
        assert!(headers.is_empty());

        for name in ["", "a b", "a:b", "é"] {
            assert!(headers.get(name).is_err(), "{name:?}");
            assert!(headers.set(name, "1").is_err(), "{name:?}");
        }
        for value in ["a\nb", "a\0b"] {
            assert!(headers.set("a", value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn delivered_headers_are_immutable_until_cloned() {
        let mut map = HeaderMap::new();
        map.insert("a", "1".parse().unwrap());
        let headers = Headers::immutable(map);
        for result in [headers.set("a", "2"), headers.append("a", "2"), headers.delete("a")] {
            let text = result.unwrap_err().to_string();
            assert_eq!(text, "Can't modify immutable headers.");
        }
        let copy = headers.clone();
        copy.set("a", "2").unwrap();
        assert_eq!(headers.get("a").unwrap().as_deref(), Some("1"));
        assert_eq!(HeaderMap::from(copy)["a"], "2");
    }
}
