//! Into lists, objects and variants.

use alloc::{boxed::Box, string::String};

use serde::{
    Deserialize,
    de::{
        DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
        value::{BorrowedStrDeserializer, StrDeserializer, StringDeserializer},
    },
};

use super::{
    Error,
    reader::{RAW, Reader},
    scan::Text,
};
use crate::Json;

/// The elements of a list or the members of an object.
pub(crate) struct Members<'a, 'de> {
    pub(crate) reader: &'a mut Reader<'de>,
    close: u8,
    first: bool,
    ended: bool,
    /// The name of the member whose value comes next as it is written, for errors inside it.
    name: &'de str,
}

impl<'a, 'de> Members<'a, 'de> {
    pub(super) fn enter(reader: &'a mut Reader<'de>, close: u8) -> Result<Self, Error> {
        reader.scan.enter()?;
        Ok(Self { reader, close, first: true, ended: false, name: "" })
    }

    #[inline(never)]
    fn another(&mut self) -> Result<bool, Error> {
        let more = !self.ended && self.reader.scan.another(self.close, &mut self.first)?;
        self.ended = !more;
        Ok(more)
    }

    /// Reads the name of another member, if there is one.
    #[inline(never)] // the same for every type of name
    pub(crate) fn next_name(&mut self) -> Result<Option<Text<'de>>, Error> {
        if !self.another()? {
            return Ok(None);
        }
        let scan = &mut self.reader.scan;
        if scan.peek() != b'"' {
            return Err(scan.error("no member name"));
        }
        let start = scan.at();
        let name = scan.string()?;
        self.name = scan.since(start);
        scan.expect(b':', "no colon")?;
        Ok(Some(name))
    }

    /// The same error, in the member whose value comes next.
    #[cold]
    #[inline(never)]
    pub(crate) fn inside(&self, error: Error) -> Error {
        // There is none if the caller's type asks for a value first.
        if self.name.is_empty() {
            return error;
        }
        match Reader::new(self.name).scan.string() {
            Ok(name) => error.inside(name.as_str()),
            Err(_) => error,
        }
    }

    /// The caller's type has what it wants; nothing may be left.
    #[inline(never)]
    pub(super) fn end(&mut self) -> Result<(), Error> {
        if self.another()? { Err(Error::of(&["more elements than expected"])) } else { Ok(()) }
    }
}

impl<'de> SeqAccess<'de> for &mut Members<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.another()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for &mut Members<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        match self.next_name()? {
            Some(name) => seed.deserialize(Name(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(&mut *self.reader).map_err(|error| self.inside(error))
    }
}

/// A member's name. Never anything but a string: `{"1": …}` is no map from numbers here.
struct Name<'de>(Text<'de>);

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Text::Plain(text) => visitor.visit_borrowed_str(text),
            Text::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(StrDeserializer::new(self.0.as_str()))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// A piece of JSON as `RawValue` takes it: a map of one member with a name that no document can have.
pub(super) struct RawMember<D>(Option<D>);

impl<'de> RawMember<BorrowedStrDeserializer<'de, Error>> {
    /// A piece of a document.
    pub(super) fn of(text: &'de str) -> Self {
        Self(Some(BorrowedStrDeserializer::new(text)))
    }
}

impl RawMember<StringDeserializer<Error>> {
    /// A text that is JSON, kept as it is.
    pub(super) fn json(text: String) -> Option<Json> {
        Box::deserialize(Self(Some(StringDeserializer::new(text)))).ok()
    }
}

impl<'de, D: Deserializer<'de, Error = Error>> MapAccess<'de> for RawMember<D> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.0.is_none() {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(RAW)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        match self.0.take() {
            Some(text) => seed.deserialize(text),
            None => Err(Error::of(&["no value"])),
        }
    }
}

impl<'de, D: Deserializer<'de, Error = Error>> Deserializer<'de> for RawMember<D> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// `"variant"`, or the inside of `{"variant": value}`.
pub(super) struct Variant<'a, 'de> {
    pub(super) reader: &'a mut Reader<'de>,
    pub(super) with_value: bool,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Error> {
        let name = seed.deserialize(&mut *self.reader)?;
        if self.with_value {
            self.reader.scan.expect(b':', "no colon")?;
        }
        Ok((name, self))
    }
}

impl<'de> Variant<'_, 'de> {
    fn value(self) -> Result<Self, Error> {
        if self.with_value { Ok(self) } else { Err(Error::of(&["a variant without its value"])) }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if self.with_value { Deserialize::deserialize(self.reader) } else { Ok(()) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.value()?.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.value()?.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.value()?.reader.deserialize_map(visitor)
    }
}
