//! The names of members, which are strings whatever a map's keys are.

use core::fmt::Display;

use serde::ser::{Impossible, Serialize, Serializer};

use super::super::{Error, write::Writer};

/// Where a name is written: a string, or what is put into quotes to be one.
pub(super) struct Name<'a>(pub(super) &'a mut Writer);

impl Name<'_> {
    fn quoted<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.0.byte(b'"');
        value.serialize(&mut *self.0)?;
        self.0.byte(b'"');
        Ok(())
    }
}

#[cold]
#[inline(never)]
fn no_string() -> Error {
    Error::of(&["key must be a string"])
}

#[cold]
#[inline(never)]
fn no_number() -> Error {
    Error::of(&["float key must be finite (got NaN or +/-inf)"])
}

macro_rules! quoted {
    ($($asked:ident($type:ty))*) => {
        $(
            fn $asked(self, value: $type) -> Result<(), Error> {
                self.quoted(&value)
            }
        )*
    };
}

macro_rules! refused {
    ($($asked:ident($($type:ty),*) -> $result:ty;)*) => {
        $(
            fn $asked(self $(, _: $type)*) -> Result<$result, Error> {
                Err(no_string())
            }
        )*
    };
}

impl Serializer for Name<'_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    quoted! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }

    refused! {
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        if value.is_finite() { self.quoted(&value) } else { Err(no_number()) }
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        if value.is_finite() { self.quoted(&value) } else { Err(no_number()) }
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.0.serialize_char(value)
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.0.string(value);
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        Err(no_string())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.0.collect_str(value)
    }
}
