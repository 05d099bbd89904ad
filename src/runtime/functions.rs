//! Enabled actions as functions for language models, in each vendor's form.

use std::str::FromStr;

use serde_json::{Value as Json, json};

use crate::{
    base::Effect,
    spec::{Action, Fields},
};

/// Whose form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Chat Completions `tools`.
    OpenAi,
    /// Messages `tools`.
    Anthropic,
    /// Model Context Protocol `tools/list`.
    Mcp,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "openai" => Ok(Self::OpenAi),
            "anthropic" => Ok(Self::Anthropic),
            "mcp" => Ok(Self::Mcp),
            _ => Err("`openai`, `anthropic` or `mcp`"),
        }
    }
}

/// One function: the name and description that the model sees, and its input as JSON Schema.
pub fn describe(name: &str, description: &str, action: &Action, input: &Fields, format: Format) -> Json {
    let schema = &input.schema;
    match format {
        Format::OpenAi => json!({
            "type": "function",
            "function": {"name": name, "description": description, "parameters": schema},
        }),
        Format::Anthropic => json!({"name": name, "description": description, "input_schema": schema}),
        Format::Mcp => json!({
            "name": name,
            "title": action.title,
            "description": description,
            "inputSchema": schema,
            "annotations": {
                "readOnlyHint": action.effect == Effect::Read,
                "destructiveHint": matches!(action.effect, Effect::Delete | Effect::Money),
                "openWorldHint": true,
            },
        }),
    }
}
