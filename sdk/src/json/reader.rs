//! serde's side: which value the caller's type asks for, and which one stands there.

use serde::de::{Deserializer, Expected, Visitor};

use super::{
    Error,
    access::{Members, RawMember, Variant},
    float,
    scan::{Scan, Text},
};

/// The name under which `serde_json::value::RawValue` asks for a piece of the text; a test holds it to be so.
pub(super) const RAW: &str = "$serde_json::private::RawValue";

pub(crate) struct Reader<'de> {
    pub(super) scan: Scan<'de>,
}

impl<'de> Reader<'de> {
    pub(crate) fn new(text: &'de str) -> Self {
        Self { scan: Scan::new(text) }
    }

    pub(crate) fn end(&mut self) -> Result<(), Error> {
        self.scan.end()
    }

    /// The error for a value that is not what `expected` says; not JSON at all, if it is not.
    #[cold]
    #[inline(never)]
    pub(crate) fn mismatch(&mut self, expected: &dyn Expected) -> Error {
        let found = match self.scan.peek() {
            b'"' => "a string",
            b'{' => "an object",
            b'[' => "a list",
            b't' | b'f' => "a boolean",
            b'n' => "null",
            b'-' | b'0'..=b'9' => "a number",
            _ => return self.scan.error("no JSON value"),
        };
        Error::mismatch(expected, found)
    }

    // What follows is done once, whatever type asks for it; the type's visitor only gets what was found.

    #[inline(never)]
    pub(crate) fn string(&mut self, expected: &dyn Expected) -> Result<Text<'de>, Error> {
        if self.scan.peek() != b'"' {
            return Err(self.mismatch(expected));
        }
        self.scan.string()
    }

    #[inline(never)]
    fn truth(&mut self, expected: &dyn Expected) -> Result<bool, Error> {
        match self.scan.peek() {
            byte @ (b't' | b'f') => self.scan.word().map(|()| byte == b't'),
            _ => Err(self.mismatch(expected)),
        }
    }

    #[inline(never)]
    fn digits(&mut self, expected: &dyn Expected) -> Result<(&'de str, bool), Error> {
        if !matches!(self.scan.peek(), b'-' | b'0'..=b'9') {
            return Err(self.mismatch(expected));
        }
        self.scan.number()
    }

    #[inline(never)]
    fn whole(&mut self, expected: &dyn Expected) -> Result<Whole, Error> {
        match self.digits(expected)? {
            (text, true) => Whole::of(text).ok_or_else(|| Error::mismatch(expected, "a number past 64 bits")),
            (_, false) => Err(Error::mismatch(expected, "a number with a fraction or an exponent")),
        }
    }

    #[inline(never)]
    fn real(&mut self, expected: &dyn Expected) -> Result<f64, Error> {
        let (text, _) = self.digits(expected)?;
        float::read(text).ok_or_else(|| Error::mismatch(expected, "a number past any float"))
    }

    #[inline(never)]
    fn nothing(&mut self, expected: &dyn Expected) -> Result<(), Error> {
        if self.scan.peek() != b'n' {
            return Err(self.mismatch(expected));
        }
        self.scan.word()
    }

    /// Into a list or an object, if one stands here.
    #[inline(never)]
    pub(crate) fn members(&mut self, open: u8, close: u8, expected: &dyn Expected) -> Result<Members<'_, 'de>, Error> {
        if self.scan.peek() != open {
            return Err(self.mismatch(expected));
        }
        Members::enter(self, close)
    }

    /// Passes a value.
    pub(crate) fn pass(&mut self) -> Result<(), Error> {
        self.scan.value().map(|_| ())
    }

    fn text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.string(&visitor)? {
            Text::Plain(text) => visitor.visit_borrowed_str(text),
            Text::Owned(text) => visitor.visit_string(text),
        }
    }

    fn boolean<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let truth = self.truth(&visitor)?;
        visitor.visit_bool(truth)
    }

    /// A number for a type that takes integers only, so that gates without floats carry no float parser.
    fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.whole(&visitor)? {
            Whole::Unsigned(number) => visitor.visit_u64(number),
            Whole::Signed(number) => visitor.visit_i64(number),
        }
    }

    fn float<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let number = self.real(&visitor)?;
        visitor.visit_f64(number)
    }

    fn number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let (text, integer) = self.scan.number()?;
        match if integer { Whole::of(text) } else { None } {
            Some(Whole::Unsigned(number)) => visitor.visit_u64(number),
            // -0 is a float that says so.
            Some(Whole::Signed(number)) if number != 0 => visitor.visit_i64(number),
            _ => match float::read(text) {
                Some(number) => visitor.visit_f64(number),
                None => Err(Error::mismatch(&visitor, "a number past any float")),
            },
        }
    }

    fn null<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.nothing(&visitor)?;
        visitor.visit_unit()
    }

    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let mut members = self.members(b'[', b']', &visitor)?;
        let value = visitor.visit_seq(&mut members)?;
        members.end()?;
        Ok(value)
    }

    fn object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let mut members = self.members(b'{', b'}', &visitor)?;
        let value = visitor.visit_map(&mut members)?;
        members.end()?;
        Ok(value)
    }
}

/// A whole number of 64 bits.
enum Whole {
    Unsigned(u64),
    Signed(i64),
}

impl Whole {
    /// What the digits say; none if that is past 64 bits.
    fn of(text: &str) -> Option<Self> {
        let mut number: u64 = 0;
        for digit in text.bytes().filter(|byte| *byte != b'-') {
            if number > u64::MAX / 10 {
                return None;
            }
            number = (number * 10).checked_add(u64::from(digit.wrapping_sub(b'0')))?;
        }
        if text.starts_with('-') {
            0i64.checked_sub_unsigned(number).map(Self::Signed)
        } else {
            Some(Self::Unsigned(number))
        }
    }
}

/// Each of serde's questions, and the method above that answers it.
macro_rules! answered_by {
    ($($method:ident: $($asked:ident)*;)*) => {
        $($(
            fn $asked<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
                self.$method(visitor)
            }
        )*)*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    answered_by! {
        boolean: deserialize_bool;
        integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128;
        float: deserialize_f32 deserialize_f64;
        text: deserialize_char deserialize_str deserialize_string deserialize_identifier;
        null: deserialize_unit;
        list: deserialize_seq;
        object: deserialize_map;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.scan.peek() {
            b'"' => self.text(visitor),
            b'{' => self.object(visitor),
            b'[' => self.list(visitor),
            b't' | b'f' => self.boolean(visitor),
            b'n' => self.null(visitor),
            b'-' | b'0'..=b'9' => self.number(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.pass()?;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.scan.peek() == b'n' {
            return self.scan.word().and_then(|()| visitor.visit_none());
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name == RAW {
            return visitor.visit_map(RawMember::of(self.scan.value()?));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.null(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.list(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.object(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.scan.peek() {
            b'"' => visitor.visit_enum(Variant { reader: self, with_value: false }),
            b'{' => {
                let mut first = true;
                self.scan.enter()?;
                if !self.scan.another(b'}', &mut first)? {
                    return Err(Error::of(&["an object without the one member that names a variant"]));
                }
                let value = visitor.visit_enum(Variant { reader: &mut *self, with_value: true })?;
                if self.scan.another(b'}', &mut first)? {
                    return Err(Error::of(&["an object with more than the one member that names a variant"]));
                }
                Ok(value)
            }
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.text(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.text(visitor)
    }
}
