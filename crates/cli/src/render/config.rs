//! The settings, each with its origin.

use cutover_core::release_file::{Setting, SettingOrigin};
use serde_json::Value;

use super::{Palette, table};
use crate::request::Config;

/// A row for each setting; what nobody set is faint.
pub(crate) fn config_text(config: &Config, palette: Palette) -> String {
    let mut table = table(&["setting", "value", "from"]);
    for Setting {
        key, value, origin, ..
    } in &config.settings
    {
        let from = match origin {
            SettingOrigin::Default => palette.faint(origin).to_string(),
            origin => origin.to_string(),
        };
        table.add_row([key.clone(), value_text(value), from]);
    }
    format!(
        "{}\n{}\n",
        palette.strong(config.file.display()),
        table.trim_fmt()
    )
}

/// As the release file writes it; a text of several lines by its first.
fn value_text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("{:?}", text.trim().lines().next().unwrap_or_default()),
        value => value.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The longest value that is shown whole, in characters.
const LONGEST: usize = 72;
