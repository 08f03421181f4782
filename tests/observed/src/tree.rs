//! Spans and events, as a tree.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Notes what it is told.
#[derive(Debug, Clone, Default)]
pub struct Tree(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    nodes: Vec<Node>,
    /// Those that are not closed.
    open: HashMap<u64, usize>,
}

#[derive(Debug)]
struct Node {
    parent: Option<usize>,
    name: String,
    fields: String,
}

impl Tree {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names alone: spans as they are, events after a dash, two blanks for each span around them.
    #[must_use]
    pub fn shape(&self) -> Vec<String> {
        self.lines(false)
    }

    /// With all fields.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines(true).join("\n")
    }

    /// How many spans are still open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.state().open.len()
    }

    fn lines(&self, fields: bool) -> Vec<String> {
        let state = self.state();
        let mut lines = Vec::new();
        state.below(None, 0, fields, &mut lines);
        lines
    }

    fn note(&self, span: Option<&Id>, metadata: &Metadata<'_>, new: Option<&Id>, fields: String) {
        let state = &mut *self.state();
        let parent = span.and_then(|span| state.open.get(&span.into_u64()).copied());
        let dash = if new.is_none() { "- " } else { "" };
        let name = format!("{dash}{}", metadata.name());
        if let Some(new) = new {
            state.open.insert(new.into_u64(), state.nodes.len());
        }
        state.nodes.push(Node {
            parent,
            name,
            fields,
        });
    }
}

impl State {
    fn below(&self, parent: Option<usize>, depth: usize, fields: bool, lines: &mut Vec<String>) {
        for (at, node) in self.nodes.iter().enumerate() {
            if node.parent == parent {
                let mut line = format!("{}{}", "  ".repeat(depth), node.name);
                if fields {
                    line.push_str(&node.fields);
                }
                lines.push(line);
                self.below(Some(at), depth + 1, fields, lines);
            }
        }
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let _ = write!(self.0, " {field}={value:.6}");
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Tree {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut text = Text::default();
        attributes.record(&mut text);
        let parent = context
            .span(id)
            .and_then(|span| span.parent().map(|parent| parent.id()));
        self.note(parent.as_ref(), attributes.metadata(), Some(id), text.0);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        values.record(&mut text);
        let state = &mut *self.state();
        if let Some(&at) = state.open.get(&id.into_u64()) {
            state.nodes[at].fields.push_str(&text.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let span = context.event_span(event).map(|span| span.id());
        self.note(span.as_ref(), event.metadata(), None, text.0);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.state().open.remove(&id.into_u64());
    }
}
