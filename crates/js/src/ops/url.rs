//! URLs, form encoding and URL patterns, by the crates `url` and `urlpattern`.
//!
//! A URL crosses as its text and the places where its parts begin and end. The text is ASCII (URL Standard, section
//! 4.5), so a place in bytes is a place in JavaScript's units too.

use url::{Position, Url, form_urlencoded, quirks};
use urlpattern::quirks::{
    EcmaRegexp, MatchInput, StringOrInit, UrlPattern, UrlPatternComponent, UrlPatternInit, parse_match_input,
    parse_pattern, process_construct_pattern_input, process_match_input,
};
use urlpattern::{RegexSyntax, UrlPatternOptions};

use crate::engine::{Call, Fault, Op, Out};
use crate::tasks::count;

pub(crate) const OPS: &[Op] = &[
    Op { name: "url_parse", run: parse },
    Op { name: "url_can_parse", run: can_parse },
    Op { name: "url_set", run: set },
    Op { name: "form_decode", run: form_decode },
    Op { name: "form_encode", run: form_encode },
    Op { name: "pattern_parse", run: pattern_parse },
    Op { name: "pattern_input", run: pattern_input },
];

fn read(call: &Call<'_>, index: usize) -> Result<Option<Url>, Fault> {
    let base = match call.is_nullish(index + 1) {
        true => None,
        false => match call.with_text(index + 1, Url::parse)? {
            Ok(base) => Some(base),
            Err(_) => return Ok(None),
        },
    };
    call.with_text(index, |text| Url::options().base_url(base.as_ref()).parse(text).ok().map(amended))
}

/// With `^` written out in its path, as the standard has it since 2024; the crate does not yet.
fn amended(url: Url) -> Url {
    if url.cannot_be_a_base() || !url.path().contains('^') {
        return url;
    }
    let (path, rest) = (url.path().replace('^', "%5E"), &url[Position::AfterPath..]);
    let text = format!("{}{path}{rest}", &url[..Position::BeforePath]);
    Url::parse(&text).unwrap_or(url)
}

/// `(text, base or null)`: a URL, or null when the text is none.
fn parse(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(read(call, 0)?.map_or(Out::Null, |url| parts(&url)))
}

/// `(text, base or null)`
fn can_parse(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(read(call, 0)?.is_some().into())
}

/// Text and places of a URL, in the order of `url.js`.
fn parts(url: &Url) -> Out {
    let place = |position| url[..position].len();
    let username = place(Position::AfterUsername);
    // The crate's own places of a password are wrong where there is only a username.
    let password = url.password().map_or(username..username, |password| username + 1..username + 1 + password.len());
    let places = [
        place(Position::AfterScheme),
        place(Position::BeforeUsername),
        username,
        password.start,
        password.end,
        place(Position::BeforeHost),
        place(Position::AfterHost),
        place(Position::BeforePort),
        place(Position::AfterPort),
        place(Position::BeforePath),
        place(Position::AfterPath),
        place(Position::AfterQuery),
    ];
    let mut parts = Vec::with_capacity(1 + places.len());
    parts.push(Out::from(url.as_str()));
    parts.extend(places.map(count));
    Out::List(parts)
}

/// `(text of a URL, part, value)`: the changed URL, or null when it stays as it is.
fn set(call: &Call<'_>) -> Result<Out, Fault> {
    let Ok(mut url) = call.with_text(0, Url::parse)? else { return Ok(Out::Null) };
    let (part, value) = (call.text(1)?, call.text(2)?);
    let value = value.as_str();
    let changed = match part.as_str() {
        "protocol" => quirks::set_protocol(&mut url, value).is_ok(),
        "username" => quirks::set_username(&mut url, value).is_ok(),
        "password" => quirks::set_password(&mut url, value).is_ok(),
        "host" => quirks::set_host(&mut url, value).is_ok(),
        "hostname" => quirks::set_hostname(&mut url, value).is_ok(),
        "port" => quirks::set_port(&mut url, value).is_ok(),
        "pathname" => {
            url = with_path(url, value);
            true
        }
        "search" => {
            quirks::set_search(&mut url, value);
            true
        }
        "hash" => {
            quirks::set_hash(&mut url, value);
            true
        }
        _ => false,
    };
    Ok(if changed { parts(&url) } else { Out::Null })
}

fn with_path(mut url: Url, path: &str) -> Url {
    let has_authority = url.has_authority();
    quirks::set_pathname(&mut url, path);
    let scheme = url.scheme().len();
    match url.as_str().get(scheme + 1..) {
        // The crate forgets the dot that keeps such a path from being read as a host (URL Standard, section 4.5).
        Some(rest) if !has_authority && rest.starts_with("//") => {
            let text = format!("{}:/.{rest}", &url[..Position::AfterScheme]);
            Url::parse(&text).unwrap_or(url)
        }
        _ => amended(url),
    }
}

/// `(text)`: names and values in turn (URL Standard, section 5.1).
fn form_decode(call: &Call<'_>) -> Result<Out, Fault> {
    call.with_text(0, |text| {
        let pairs = form_urlencoded::parse(text.as_bytes());
        Out::List(pairs.flat_map(|(name, value)| [Out::from(&*name), Out::from(&*value)]).collect())
    })
}

/// `(names and values in turn)`: text (URL Standard, section 5.2).
fn form_encode(call: &Call<'_>) -> Result<Out, Fault> {
    let flat = call.texts(0)?;
    let mut text = form_urlencoded::Serializer::new(String::new());
    for pair in flat.chunks_exact(2) {
        text.append_pair(&pair[0], &pair[1]);
    }
    Ok(text.finish().into())
}

/// `(whether case is ignored, text or null, base or null, init: nine parts or nulls)`: whether there are regular
/// expressions, and for each component its text, its regular expression and the names of its groups.
fn pattern_parse(call: &Call<'_>) -> Result<Out, Fault> {
    let wrong = |_| Fault::type_error("Failed to construct URLPattern");
    let options = UrlPatternOptions { regex_syntax: RegexSyntax::EcmaScript, ignore_case: call.flag(0) };
    let base = call.optional_text(2)?;
    let init = process_construct_pattern_input(input(call, 1, 3)?, base.as_deref()).map_err(wrong)?;
    let pattern: UrlPattern = parse_pattern::<EcmaRegexp>(init, options).map_err(wrong)?;
    let components = [
        pattern.protocol,
        pattern.username,
        pattern.password,
        pattern.hostname,
        pattern.port,
        pattern.pathname,
        pattern.search,
        pattern.hash,
    ];
    let mut out = vec![Out::Bool(pattern.has_regexp_groups)];
    for UrlPatternComponent { pattern_string, regexp_string, group_name_list, .. } in components {
        out.extend([pattern_string.into(), regexp_string.into(), group_name_list.into()]);
    }
    Ok(Out::List(out))
}

/// `(init: nine parts or nulls)`: the eight components that a pattern is compared with, or null when there are none.
fn pattern_input(call: &Call<'_>) -> Result<Out, Fault> {
    let init = StringOrInit::Init(init(call, 0)?);
    let Ok(Some((input, _))) = process_match_input(init, None) else { return Ok(Out::Null) };
    let Some(parts) = parse_match_input(input) else { return Ok(Out::Null) };
    let MatchInput { protocol, username, password, hostname, port, pathname, search, hash } = parts;
    Ok(vec![protocol, username, password, hostname, port, pathname, search, hash].into())
}

fn input<'a>(call: &Call<'_>, text: usize, first: usize) -> Result<StringOrInit<'a>, Fault> {
    Ok(match call.optional_text(text)? {
        Some(text) => StringOrInit::String(text.into()),
        None => StringOrInit::Init(init(call, first)?),
    })
}

fn init(call: &Call<'_>, first: usize) -> Result<UrlPatternInit, Fault> {
    let part = |index: usize| call.optional_text(first + index);
    Ok(UrlPatternInit {
        protocol: part(0)?,
        username: part(1)?,
        password: part(2)?,
        hostname: part(3)?,
        port: part(4)?,
        pathname: part(5)?,
        search: part(6)?,
        hash: part(7)?,
        base_url: part(8)?,
    })
}
