//! Which output the arguments ask for.

use clap::error::ErrorKind;
use clap::{CommandFactory, ValueEnum};

use super::{Arguments, Surroundings};
use crate::report::{Format, JsonStyle};

/// The names of the formats.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FormatName {
    /// For people
    Text,
    /// One JSON object a line
    Json,
    /// Comma-separated values, one line a reset
    Csv,
    /// A table for tickets
    Markdown,
    /// The columns of csv as Apache Parquet, for a file or pipe
    Parquet,
}

/// The names of the JSON styles.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum JsonStyleName {
    /// Its own names, docs/schema.json
    Native,
    /// Elastic Common Schema
    Ecs,
    /// OpenTelemetry log records, as files of its protocol have them
    Otel,
    /// A Zeek log
    Zeek,
}

impl From<JsonStyleName> for JsonStyle {
    fn from(name: JsonStyleName) -> Self {
        match name {
            JsonStyleName::Native => JsonStyle::Native,
            JsonStyleName::Ecs => JsonStyle::Ecs,
            JsonStyleName::Otel => JsonStyle::Otel,
            JsonStyleName::Zeek => JsonStyle::Zeek,
        }
    }
}

/// The format and, for JSON, its style, which asks for JSON by itself.
pub(super) fn chosen(arguments: &Arguments, surroundings: &Surroundings) -> Result<(Format, JsonStyle), clap::Error> {
    let style = arguments.json_style.map(JsonStyle::from);
    let json = arguments.json || style.is_some();
    let format = match arguments.format {
        _ if arguments.count_only => Format::Count,
        None if json => Format::Json,
        None => Format::Text,
        Some(name) if style.is_some() && name != FormatName::Json => {
            return Err(wrong("--json-style is for JSON only: leave --format out"));
        }
        Some(FormatName::Text) => Format::Text,
        Some(FormatName::Json) => Format::Json,
        Some(FormatName::Csv) => Format::Csv,
        Some(FormatName::Markdown) => Format::Markdown,
        Some(FormatName::Parquet) => parquet(surroundings)?,
    };
    Ok((format, style.unwrap_or_default()))
}

#[cfg(feature = "parquet")]
fn parquet(surroundings: &Surroundings) -> Result<Format, clap::Error> {
    if surroundings.terminal {
        return Err(wrong("a terminal cannot show Parquet: write it to a file, as in > resets.parquet"));
    }
    Ok(Format::Parquet)
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: &Surroundings) -> Result<Format, clap::Error> {
    Err(wrong("built without Parquet (the feature `parquet`: cargo build --release --features parquet)"))
}

fn wrong(text: &str) -> clap::Error {
    Arguments::command().error(ErrorKind::ArgumentConflict, text)
}
