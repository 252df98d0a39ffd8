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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::NoParams;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Input<'a> {
        #[serde(borrow)]
        a: Cow<'a, str>,
        b: Option<u8>,
    }

    /// What is told of a request that is read, or why it is not.
    fn told<P: core::fmt::Debug, I: core::fmt::Debug>(
        read: Result<Request<'_, P, I>, Fault>,
    ) -> Result<String, String> {
        read.map(|request| format!("{request:?}")).map_err(|fault| fault.to_string())
    }

    /// We read it as serde would, into types of each kind: what has to be there, and what may be missing.
    #[track_caller]
    fn as_serde_does(text: &str) {
        fn same<'de, P, I>(text: &'de str)
        where
            P: Deserialize<'de> + core::fmt::Debug,
            I: Deserialize<'de> + core::fmt::Debug,
        {
            let theirs = crate::json::read::<Request<'de, P, I>>(text).map_err(Fault::from);
            let kind = theirs.as_ref().map_or(Kind::Gate, |request| request.kind);
            let theirs = theirs.and_then(|request| match request.protocol {
                PROTOCOL => Ok(request),
                _ => Err(Fault::input("protocol 2; this gate speaks 1")),
            });
            assert_eq!(told(read::<P, I>(text, kind)), told(theirs), "{text}");
        }
        same::<NoParams, Input<'_>>(text);
        same::<Option<u8>, Option<bool>>(text);
        same::<(), Cow<'_, str>>(text);
    }

    const WHOLE: [&str; 7] = [
        r#""protocol":1"#,
        r#""gate":"g""#,
        r#""kind":"gate""#,
        r#""params":{}"#,
        r#""input":{"a":"x"}"#,
        r#""now":"t""#,
        r#""run_id":"r""#,
    ];

    /// Members as they should not be, or need not be.
    const OTHERS: [&str; 20] = [
        r#""protocol":2"#,
        r#""protocol":"1""#,
        r#""protocol":-1"#,
        r#""gate":7"#,
        r#""gate":"\u0041\n""#,
        r#""kind":"probe""#,
        r#""kind":"other""#,
        r#""kind":[]"#,
        r#""kind":nul"#,
        r#""params":{"x":1}"#,
        r#""params":null"#,
        r#""params":3"#,
        r#""input":null"#,
        r#""input":"\ud83d\ude00""#,
        r#""input":{"a":"x","b":300}"#,
        r#""input":{"b":1}"#,
        r#""run\u005fid":"r""#,
        r#""newer":[1,{"a":"b"}]"#,
        r#""newer":[1,{"a":tru}]"#,
        r#""newer" 1"#,
    ];

    #[test]
    fn a_whole_request_is_read_and_one_that_lacks_a_member_is_not() {
        as_serde_does(&format!("{{{}}}", WHOLE.join(",")));
        for lacking in 0..WHOLE.len() {
            let rest: Vec<_> =
                WHOLE.iter().enumerate().filter(|(at, _)| *at != lacking).map(|(_, member)| *member).collect();
            as_serde_does(&format!("{{{}}}", rest.join(",")));
        }
        for text in ["", "[]", "{", "null", "{}", "{} x", "\"request\""] {
            as_serde_does(text);
        }
    }

    proptest! {
        #[test]
        fn members_are_read_as_serde_reads_them(
            order in Just(WHOLE.to_vec()).prop_shuffle(),
            others in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(OTHERS.to_vec()), any::<bool>()), 0..4),
        ) {
            let mut members = order;
            for (at, other, instead) in others {
                let at = at.index(members.len());
                if instead {
                    members[at] = other;
                } else {
                    members.insert(at, other);
                }
            }
            as_serde_does(&format!("{{{}}}", members.join(",")));
        }
    }
}
