//! A viewer that forwards altered media.

use anyhow::Result;
use serde_json::Value;

use crate::page::Page;

/// To run in a page before its own scripts. Until [`start`] the page behaves as any other.
///
/// Every part (kind 0x03 on a link) that the page sends then has its last byte changed, in
/// a copy: what the page itself holds and shows stays as it was signed.
pub const DORMANT: &str = include_str!("forger.js");

/// Begins to alter what `page` forwards.
///
/// # Errors
/// A page that is gone.
pub fn start(page: &Page) -> Result<()> {
    page.evaluate("forger.active = true").map(drop)
}

/// Stops altering.
///
/// # Errors
/// A page that is gone.
pub fn stop(page: &Page) -> Result<()> {
    page.evaluate("forger.active = false").map(drop)
}

/// How many parts `page` has altered so far.
///
/// # Errors
/// A page that is gone.
pub fn altered(page: &Page) -> Result<u64> {
    page.evaluate("forger.altered")
        .map(|count| count.as_u64().unwrap_or_default())
}

/// Whether a page was opened with [`DORMANT`].
///
/// # Errors
/// A page that is gone.
pub fn is_dormant(page: &Page) -> Result<bool> {
    Ok(page.evaluate("typeof forger === 'object' && !forger.active")? == Value::Bool(true))
}
