//! What is inside of arrays, sets, objects and maps, one after another.

use std::borrow::Cow;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};

use super::Fault;
use super::de::{Place, Value, item_size, text};
use super::key::Key;
use crate::native::wire::{tag, unzigzag};

/// The items of an array, a Set or a typed array.
pub(super) struct Items<'de> {
    parent: Value<'de>,
    rest: Rest<'de>,
    given: usize,
}

enum Rest<'de> {
    Dense {
        at: usize,
        left: u64,
    },
    /// Only those that are there stand there, with their indices.
    Sparse {
        at: usize,
        next: u64,
        len: u64,
    },
    Set {
        at: usize,
    },
    Numbers {
        kind: u64,
        bytes: &'de [u8],
    },
}

impl<'de> Items<'de> {
    pub(super) fn of_array(parent: Value<'de>, at: usize, len: u64, is_sparse: bool) -> Self {
        let rest = if is_sparse { Rest::Sparse { at, next: 0, len } } else { Rest::Dense { at, left: len } };
        Self { parent, rest, given: 0 }
    }

    pub(super) fn of_set(parent: Value<'de>, at: usize) -> Self {
        Self { parent, rest: Rest::Set { at }, given: 0 }
    }

    /// Those of a view of a class.
    pub(super) fn of_numbers(parent: Value<'de>, kind: u64, bytes: &'de [u8]) -> Self {
        Self { parent, rest: Rest::Numbers { kind, bytes }, given: 0 }
    }

    /// All have to be taken: what has fewer items than there are is of another type.
    pub(super) fn visit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Fault> {
        let value = visitor.visit_seq(&mut self)?;
        match self.next()? {
            None => Ok(value),
            Some(_) => Err(Fault::invalid_length(self.given, &"fewer items")),
        }
    }

    fn next(&mut self) -> Result<Option<Value<'de>>, Fault> {
        let index = self.parent.index;
        let after = |at| index.end(at).ok_or_else(Fault::damaged);
        let place = match &mut self.rest {
            Rest::Dense { left: 0, .. } => return Ok(None),
            Rest::Dense { at, left } => {
                *left -= 1;
                if index.reader(*at).peek() == Some(tag::HOLE) {
                    *at += 1;
                    Place::Hole
                } else {
                    let place = Place::At(*at);
                    *at = after(*at)?;
                    place
                }
            }
            Rest::Set { at } => {
                if index.reader(*at).peek() == Some(tag::END) {
                    return Ok(None);
                }
                let place = Place::At(*at);
                *at = after(*at)?;
                place
            }
            Rest::Sparse { next, len, .. } if next == len => return Ok(None),
            Rest::Sparse { at, next, .. } => {
                let mut input = index.reader(*at);
                let key = match input.byte() {
                    Some(tag::INT) => input.u32().map(|key| u64::from(unzigzag(key).unsigned_abs())),
                    _ => None,
                };
                let is_there = key == Some(*next);
                *next += 1;
                if is_there {
                    let place = index.place(&input);
                    *at = after(place)?;
                    Place::At(place)
                } else if index.again(1) {
                    Place::Hole
                } else {
                    return Err(Fault::new("an array with too many holes"));
                }
            }
            Rest::Numbers { kind, bytes } => {
                let Some((item, rest)) = item_size(*kind).and_then(|size| bytes.split_at_checked(size)) else {
                    return Ok(None);
                };
                *bytes = rest;
                number(*kind, item)
            }
        };
        self.given += 1;
        Ok(Some(self.parent.inside(place)))
    }

    /// How many there are at least and at most, as far as that is known; no more than there are bytes.
    fn left(&self) -> Option<usize> {
        match &self.rest {
            Rest::Dense { at, left } => {
                usize::try_from(*left).ok().map(|left| left.min(self.parent.index.reader(*at).len()))
            }
            Rest::Numbers { kind, bytes } => item_size(*kind).map(|size| bytes.len() / size),
            Rest::Sparse { .. } | Rest::Set { .. } => None,
        }
    }
}

/// An item of a typed array.
fn number(kind: u64, item: &[u8]) -> Place {
    let mut bytes = [0; 8];
    bytes[..item.len()].copy_from_slice(item);
    let [a, b, c, d, ..] = bytes;
    match kind {
        1 => Place::Number(i8::from_le_bytes([a]).into()),
        4 => Place::Number(i16::from_le_bytes([a, b]).into()),
        5 => Place::Number(u16::from_le_bytes([a, b]).into()),
        6 => Place::Number(i32::from_le_bytes([a, b, c, d]).into()),
        7 => Place::Number(u32::from_le_bytes([a, b, c, d]).into()),
        8 => Place::Integer(i64::from_le_bytes(bytes).into()),
        9 => Place::Integer(u64::from_le_bytes(bytes).into()),
        10 => Place::Number(half(u16::from_le_bytes([a, b]))),
        11 => Place::Number(f32::from_le_bytes([a, b, c, d]).into()),
        12 => Place::Number(f64::from_le_bytes(bytes)),
        _ => Place::Number(a.into()),
    }
}

/// A number of 16 bits (IEEE 754 binary16): five bits of exponent, ten of fraction.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-14),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1.0 + fraction) * 2_f64.powi(exponent - 15),
    };
    if bits >> 15 == 0 { magnitude } else { -magnitude }
}

impl<'de> SeqAccess<'de> for &mut Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.next()?.map(|value| seed.deserialize(value)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        self.left()
    }
}

/// The entries of an object, a Map or an error.
pub(super) struct Entries<'de> {
    parent: Value<'de>,
    /// Entries that come before those that stand there.
    first: [Option<(&'static str, Place)>; 2],
    /// Where the next one stands.
    pub(super) at: usize,
    of_map: bool,
    value: Option<Value<'de>>,
}

impl<'de> Entries<'de> {
    pub(super) fn new(parent: Value<'de>, of_map: bool) -> Self {
        Self { parent, first: [None; 2], at: 0, of_map, value: None }
    }

    /// Puts an entry before those that stand there.
    pub(super) fn begin(&mut self, key: &'static str, value: Place) {
        if let Some(free) = self.first.iter_mut().find(|first| first.is_none()) {
            *free = Some((key, value));
        }
    }

    pub(super) fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(self)
    }

    fn next(&mut self) -> Result<Option<(Key<'de>, Value<'de>)>, Fault> {
        if let Some((key, place)) = self.first.iter_mut().find_map(Option::take) {
            return Ok(Some((Key::Name(key.into()), self.parent.inside(place))));
        }
        self.read().ok_or_else(Fault::damaged)
    }

    fn read(&mut self) -> Option<Option<(Key<'de>, Value<'de>)>> {
        let index = self.parent.index;
        let mut input = index.reader(self.at);
        if input.peek() == Some(tag::END) {
            return Some(None);
        }
        let (key, at) = if self.of_map {
            (Key::Value(self.parent.inside(Place::At(self.at))), index.end(self.at)?)
        } else {
            let name = match input.byte()? {
                tag::INT => Cow::Owned(unzigzag(input.u32()?).to_string()),
                tag => text(tag, &mut input)?,
            };
            (Key::Name(name), index.place(&input))
        };
        self.at = index.end(at)?;
        Some(Some((key, self.parent.inside(Place::At(at)))))
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.next()? else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let value = self.value.take().ok_or_else(|| Fault::new("the value of an entry was asked for twice"))?;
        seed.deserialize(value)
    }
}

/// The one entry of an object that stands for a variant with fields.
pub(super) struct Variant<'de> {
    key: Key<'de>,
    value: Value<'de>,
}

impl<'de> Variant<'de> {
    pub(super) fn new(mut entries: Entries<'de>) -> Result<Self, Fault> {
        match (entries.next()?, entries.next()?) {
            (Some((key, value)), None) => Ok(Self { key, value }),
            _ => Err(Fault::invalid_value(Unexpected::Map, &"an object with one property, a variant")),
        }
    }
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Fault;
    type Variant = Value<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Value<'de>), Fault> {
        Ok((seed.deserialize(self.key)?, self.value))
    }
}

impl<'de> VariantAccess<'de> for Value<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Deserialize::deserialize(self)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }
}
