//! `export --format`, which takes other words than every other command's.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use super::Format;

/// The option's name: that of the global one, which it stands in for.
const FORMAT: &str = "format";

/// What an export is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExportForm {
    /// A page for people.
    Html,
    /// A trace for Perfetto.
    Perfetto,
}

impl ExportForm {
    const ALL: [Self; 2] = [Self::Html, Self::Perfetto];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Perfetto => "perfetto",
        }
    }
}

// clap hands a global option's value up to the whole command line, where it must have the type of the global one:
// it gets that, and the word itself is read here.
impl FromArgMatches for ExportForm {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let word = matches.get_raw(FORMAT).and_then(Iterator::last);
        let form = Self::ALL.into_iter().find(|form| word.is_some_and(|word| word == form.name()));
        form.ok_or_else(|| Error::new(ErrorKind::MissingRequiredArgument))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ExportForm {
    fn augment_args(command: Command) -> Command {
        let words = PossibleValuesParser::new(Self::ALL.map(Self::name)).map(|_| Format::default());
        let help = "A page for people, or a native trace for Perfetto";
        let format = Arg::new(FORMAT).long(FORMAT).value_name("FORMAT").required(true);
        command.arg(format.value_parser(words).help(help))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
