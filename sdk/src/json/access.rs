//! Into lists, objects and variants.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::BorrowedStrDeserializer,
};

use super::{
    Error,
    reader::{RAW, Reader},
    scan::Text,
};

/// The elements of a list or the members of an object.
pub(super) struct Members<'a, 'de> {
    reader: &'a mut Reader<'de>,
    close: u8,
    first: bool,
    ended: bool,
    /// The member whose value comes next, for errors inside it.
    name: Text<'de>,
}

impl<'a, 'de> Members<'a, 'de> {
    pub(super) fn enter(reader: &'a mut Reader<'de>, close: u8) -> Result<Self, Error> {
        reader.scan.enter()?;
        Ok(Self { reader, close, first: true, ended: false, name: Text::Plain("") })
    }

    fn another(&mut self) -> Result<bool, Error> {
        let more = !self.ended && self.reader.scan.another(self.close, &mut self.first)?;
        self.ended = !more;
        Ok(more)
    }

    /// Reads the name of another member, if there is one.
    #[inline(never)] // the same for every type of name
    fn next_name(&mut self) -> Result<bool, Error> {
        let more = self.another()?;
        if more {
            if self.reader.scan.peek() != b'"' {
                return Err(self.reader.scan.error("no member name"));
            }
            self.name = self.reader.scan.string()?;
            self.reader.scan.expect(b':', "no colon")?;
        }
        Ok(more)
    }

    /// The caller's type has what it wants; nothing may be left.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        if self.another()? { Err(Error::custom("more elements than expected")) } else { Ok(()) }
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
        if self.next_name()? { seed.deserialize(Name(&self.name)).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(&mut *self.reader).map_err(|error| error.inside(self.name.as_ref()))
    }
}

/// A member's name. Never anything but a string: `{"1": …}` is no map from numbers here.
struct Name<'a, 'de>(&'a Text<'de>);

impl<'de> Deserializer<'de> for Name<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Text::Plain(text) => visitor.visit_borrowed_str(text),
            Text::Owned(text) => visitor.visit_str(text),
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
        visitor.visit_enum(serde::de::value::StrDeserializer::new(self.0.as_ref()))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// A piece of the document as `RawValue` takes it: a map of one member with a name that no document can have.
pub(super) struct RawMember<'de>(pub(super) Option<&'de str>);

impl<'de> MapAccess<'de> for RawMember<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.0.is_none() {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(RAW)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(BorrowedStrDeserializer::new(self.0.take().unwrap_or_default()))
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
        if self.with_value { Ok(self) } else { Err(Error::custom("a variant without its value")) }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if self.with_value { serde::Deserialize::deserialize(self.reader) } else { Ok(()) }
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
