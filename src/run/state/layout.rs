//! What a state file holds, as a list of all values and types that the reader of one asks for.
//!
//! A format of data that asks for nothing itself and answers whatever is asked, once for each variant of each enumeration.

use std::collections::BTreeMap;

use serde::de::value::{Error, U32Deserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// Tuples with more elements are arrays, whose elements are alike.
const TUPLE_MAX: usize = 3;

/// The values of a type by their place in it, each with its type: what has parts names them in their order.
pub fn of<T: DeserializeOwned>(name: &str) -> String {
    let mut trace = Trace::default();
    loop {
        trace.pending = false;
        T::deserialize(At { trace: &mut trace, place: name.to_owned() }).expect("each value is one that is written");
        if !trace.pending {
            return trace.found.iter().map(|(place, kind)| format!("{place}: {kind}\n")).collect();
        }
    }
}

#[derive(Default)]
struct Trace {
    found: BTreeMap<String, String>,
    /// The variant of each enumeration that comes next, by its place.
    next: BTreeMap<String, usize>,
    /// Whether there are variants that were not asked for.
    pending: bool,
}

/// A place in the value.
struct At<'t> {
    trace: &'t mut Trace,
    place: String,
}

impl At<'_> {
    fn found(&mut self, kind: impl Into<String>) {
        self.trace.found.insert(self.place.clone(), kind.into());
    }

    fn inner(&mut self, part: &str) -> At<'_> {
        At { trace: self.trace, place: format!("{}{part}", self.place) }
    }
}

/// Plain values: one that no reader refuses.
macro_rules! plain {
    ($($ask:ident, $answer:ident, $kind:literal, $value:expr;)*) => {
        $(fn $ask<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
            self.found($kind);
            visitor.$answer($value)
        })*
    };
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Error;

    plain! {
        deserialize_bool, visit_bool, "bool", true;
        deserialize_i8, visit_i8, "i8", 1;
        deserialize_i16, visit_i16, "i16", 1;
        deserialize_i32, visit_i32, "i32", 1;
        deserialize_i64, visit_i64, "i64", 1;
        deserialize_u8, visit_u8, "u8", 1;
        deserialize_u16, visit_u16, "u16", 1;
        deserialize_u32, visit_u32, "u32", 1;
        deserialize_u64, visit_u64, "u64", 1;
        deserialize_f32, visit_f32, "f32", 1.0;
        deserialize_f64, visit_f64, "f64", 1.0;
        deserialize_char, visit_char, "char", 'x';
        deserialize_str, visit_borrowed_str, "text", "";
        deserialize_string, visit_borrowed_str, "text", "";
        deserialize_bytes, visit_borrowed_bytes, "bytes", b"";
        deserialize_byte_buf, visit_borrowed_bytes, "bytes", b"";
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("postcard does not tell what is written"))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.found("option");
        visitor.visit_some(self.inner("?"))
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.found("unit");
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.found("sequence");
        visitor.visit_seq(Parts { at: self.inner("[]"), names: vec![String::new()].into_iter() })
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.found("map");
        let names = ["[key]", "[value]"].map(str::to_owned).to_vec().into_iter();
        visitor.visit_map(Parts { at: self, names })
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.found(format!("{len} values"));
        let name = |at| if len > TUPLE_MAX { "[]".to_owned() } else { format!(".{at}") };
        visitor.visit_seq(Parts { at: self, names: (0..len).map(name).collect::<Vec<_>>().into_iter() })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &str, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.found(format!("{{{}}}", fields.join(", ")));
        let names: Vec<_> = fields.iter().map(|field| format!(".{field}")).collect();
        visitor.visit_seq(Parts { at: self, names: names.into_iter() })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _: &str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.found(format!("one of {}", variants.join(", ")));
        let next = self.trace.next.get(&self.place).copied().unwrap_or_default();
        let elsewhere = std::mem::take(&mut self.trace.pending);
        let variant = self.inner(&format!("::{}", variants[next]));
        let value = visitor.visit_enum(Variant { at: variant, index: next as u32 })?;
        // The next one's turn comes when all within this one was asked for.
        if !self.trace.pending && next + 1 < variants.len() {
            self.trace.next.insert(self.place.clone(), next + 1);
            self.trace.pending = true;
        }
        self.trace.pending |= elsewhere;
        Ok(value)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The parts of a value, by name.
struct Parts<'t> {
    at: At<'t>,
    names: std::vec::IntoIter<String>,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(name) = self.names.next() else { return Ok(None) };
        seed.deserialize(self.at.inner(&name)).map(Some)
    }
}

impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.next_element_seed(seed)?.ok_or_else(|| serde::de::Error::custom("a key has a value"))
    }
}

struct Variant<'t> {
    at: At<'t>,
    index: u32,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let index: U32Deserializer<Error> = self.index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.at)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.at.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.at.deserialize_struct("", fields, visitor)
    }
}
