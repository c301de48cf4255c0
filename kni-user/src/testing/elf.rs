//! Parts of ELF files that tests write.

use object::write::{Symbol, SymbolSection};
use object::{SymbolFlags, SymbolKind, SymbolScope};

/// A symbol that other files don't see, `value` bytes into its section.
pub(crate) fn symbol(name: &str, value: u64, size: u64, section: SymbolSection) -> Symbol {
    let (kind, scope) = (SymbolKind::Text, SymbolScope::Compilation);
    Symbol { name: name.into(), value, size, kind, scope, weak: false, section, flags: SymbolFlags::None }
}
