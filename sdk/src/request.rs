//! The request's members. By hand, though its type could read itself: what serde makes of that for each gate's types is
//! most of a small one. Here the types of parameters and input are a parameter of two lines only. Tests hold what is taken
//! to be what serde would take, and what is said of anything else to be what serde would say.

use alloc::borrow::Cow;
use core::mem;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, Visitor},
};

use crate::{
    Fault, Kind, PROTOCOL, Request,
    json::{Error, Members, Reader, Text},
    text::{Digits, joined, let_go},
};

const NAMES: [&str; 7] = ["protocol", "gate", "kind", "params", "input", "now", "run_id"];

/// Reads a request about one of `kind`, whole.
pub(crate) fn read<'de, P, I>(text: &'de str, kind: Kind) -> Result<Request<'de, P, I>, Fault>
where
    P: Deserialize<'de>,
    I: Deserialize<'de>,
{
    let mut envelope = Envelope::new();
    let (mut params, mut input) = (None, None);
    envelope.take(kind, text, &mut params, &mut input)?;
    let Envelope { protocol, texts: [gate, now, run_id], kind } = envelope;
    match (params, input) {
        (Some(params), Some(input)) => Ok(Request { protocol, gate, kind, params, input, now, run_id }),
        _ => Err(Fault::input("")), // never, because an envelope is read only with both
    }
}

/// All of a request but what has a gate's own types.
struct Envelope<'de> {
    protocol: u32,
    kind: Kind,
    /// `gate`, `now` and `run_id`.
    texts: [Cow<'de, str>; 3],
}

impl<'de> Envelope<'de> {
    fn new() -> Self {
        Self { protocol: 0, kind: Kind::Gate, texts: [const { Cow::Borrowed("") }; 3] }
    }

    #[inline(never)]
    fn take(
        &mut self,
        kind: Kind,
        text: &'de str,
        params: &mut dyn Place<'de>,
        input: &mut dyn Place<'de>,
    ) -> Result<(), Fault> {
        self.read(text, params, input)?;
        if self.protocol != PROTOCOL {
            let protocol = Digits::of(self.protocol.into());
            const { assert!(PROTOCOL == 1, "and so it says below") };
            return Err(Fault::input(&joined(&["protocol ", protocol.as_str(), "; this gate speaks 1"])));
        }
        if self.kind != kind {
            return Err(Fault::input("asked as another kind of gate than it is"));
        }
        Ok(())
    }

    fn read(&mut self, text: &'de str, params: &mut dyn Place<'de>, input: &mut dyn Place<'de>) -> Result<(), Error> {
        let mut reader = Reader::new(text);
        let mut seen = [false; NAMES.len()];
        let mut members = reader.members(b'{', b'}', &"struct Request")?;
        while let Some(member) = next(&mut members)? {
            if let (Some(seen), Some(name)) = (seen.get_mut(member), NAMES.get(member))
                && mem::replace(seen, true)
            {
                return Err(Error::duplicate_field(name));
            }
            let [gate, now, run_id] = &mut self.texts;
            let value = &mut *members.reader;
            let read = match member {
                0 => u32::deserialize(value).map(|number| self.protocol = number),
                1 => words(value, gate),
                2 => kind(value).map(|kind| self.kind = kind),
                3 => params.read(value),
                4 => input.read(value),
                5 => words(value, now),
                6 => words(value, run_id),
                _ => value.pass(),
            };
            read.map_err(|error| members.inside(error))?;
        }
        for (member, name) in NAMES.into_iter().enumerate() {
            match member {
                _ if seen.get(member) == Some(&true) => {}
                3 => params.missing(name)?,
                4 => input.missing(name)?,
                _ => return Err(Error::missing_field(name)),
            }
        }
        reader.end()
    }
}

/// Which member comes next; past the last name, if it has none of them.
#[inline(never)]
fn next(members: &mut Members<'_, '_>) -> Result<Option<usize>, Error> {
    let name = members.next_name()?;
    let place = |name: Text<'_>| NAMES.iter().position(|known| *known == name.as_str()).unwrap_or(NAMES.len());
    Ok(name.map(place))
}

fn words<'de>(reader: &mut Reader<'de>, place: &mut Cow<'de, str>) -> Result<(), Error> {
    let words = match reader.string(&"a string")? {
        Text::Plain(text) => Cow::Borrowed(text),
        Text::Owned(text) => Cow::Owned(text),
    };
    let_go(mem::replace(place, words)); // nothing was there yet
    Ok(())
}

fn kind(reader: &mut Reader<'_>) -> Result<Kind, Error> {
    const NAMES: [&str; 4] = [Kind::ALL[0].name(), Kind::ALL[1].name(), Kind::ALL[2].name(), Kind::ALL[3].name()];
    let name = reader.string(&"enum Kind")?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name.as_str());
    kind.ok_or_else(|| Error::unknown_variant(name.as_str(), &NAMES))
}

/// Where a value goes that is read.
trait Place<'de> {
    fn read(&mut self, reader: &mut Reader<'de>) -> Result<(), Error>;

    /// The member of that name is not there.
    fn missing(&mut self, name: &'static str) -> Result<(), Error>;
}

impl<'de, T: Deserialize<'de>> Place<'de> for Option<T> {
    fn read(&mut self, reader: &mut Reader<'de>) -> Result<(), Error> {
        *self = Some(T::deserialize(reader)?);
        Ok(())
    }

    fn missing(&mut self, name: &'static str) -> Result<(), Error> {
        *self = Some(T::deserialize(Missing(name))?);
        Ok(())
    }
}

/// What stands for a member that is not there: none, for a type that may be none.
struct Missing(&'static str);

impl<'de> Deserializer<'de> for Missing {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::missing_field(self.0))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_none()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
