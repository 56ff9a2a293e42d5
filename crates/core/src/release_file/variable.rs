//! How a setting is read from the text of an environment variable.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;

use super::duration::Friendly;
use super::{MailAddress, MatviewsOutside, Memory, Moment, OldSnapshots, Secret, SequenceStart, StandbyLag};
use crate::{Ident, Phase};

/// A setting that an environment variable can hold. The error says what is wrong, for a sentence after the
/// variable's name; it quotes no secret.
pub(super) trait FromVariable: Sized {
    fn from_variable(text: &str) -> Result<Self, String>;
}

impl FromVariable for bool {
    fn from_variable(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(format!("{text:?} is neither `true` nor `false`")),
        }
    }
}

/// A comma-separated list; empty items do not count.
impl<T: FromVariable> FromVariable for Vec<T> {
    fn from_variable(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(T::from_variable).collect()
    }
}

impl FromVariable for String {
    fn from_variable(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl FromVariable for PathBuf {
    fn from_variable(text: &str) -> Result<Self, String> {
        Ok(Self::from(text))
    }
}

impl FromVariable for Secret {
    fn from_variable(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned()).map_err(str::to_owned)
    }
}

impl FromVariable for MailAddress {
    fn from_variable(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl FromVariable for Duration {
    fn from_variable(text: &str) -> Result<Self, String> {
        Friendly::try_from(text.to_owned()).map(|read| read.0)
    }
}

impl FromVariable for Memory {
    fn from_variable(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl FromVariable for Moment {
    fn from_variable(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: super::MomentError| error.to_string())
    }
}

impl FromVariable for StandbyLag {
    fn from_variable(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl FromVariable for SequenceStart {
    fn from_variable(text: &str) -> Result<Self, String> {
        Self::deserialize(text.into_deserializer()).map_err(|error: Error| error.to_string())
    }
}

impl FromVariable for MatviewsOutside {
    fn from_variable(text: &str) -> Result<Self, String> {
        Self::deserialize(text.into_deserializer()).map_err(|error: Error| error.to_string())
    }
}

impl FromVariable for OldSnapshots {
    fn from_variable(text: &str) -> Result<Self, String> {
        Self::deserialize(text.into_deserializer()).map_err(|error: Error| error.to_string())
    }
}

impl FromVariable for Phase {
    fn from_variable(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: crate::UnknownPhase| error.to_string())
    }
}

impl FromVariable for Ident {
    fn from_variable(text: &str) -> Result<Self, String> {
        Self::new(text).map_err(|error| error.to_string())
    }
}

impl FromVariable for f64 {
    fn from_variable(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error| format!("{text:?} is no number ({error})"))
    }
}

impl FromVariable for u32 {
    fn from_variable(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error| format!("{text:?} is no whole number ({error})"))
    }
}

impl FromVariable for u64 {
    fn from_variable(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error| format!("{text:?} is no whole number ({error})"))
    }
}
