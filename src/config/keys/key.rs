//! What a key is: its name, type, range, unit, default and help.

/// No duration is longer: a year.
pub(crate) const MS_MAX: i64 = 365 * 24 * 60 * 60 * 1000;
/// No amount of bytes or events is larger.
pub(super) const AMOUNT_MAX: i64 = 1 << 40;
/// Names of PostgreSQL are not longer.
pub(crate) const IDENTIFIER_BYTES_MAX: usize = 63;
/// Names of our own are not longer.
pub(crate) const LABEL_BYTES_MAX: usize = 200;
/// What a port can be.
pub(crate) const PORT: IntegerRange = IntegerRange::new(1, 65535, Unit::None);

/// A key: where it stands is said by the table that holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) slate: SlateName,
    pub(crate) value: ValueType,
    pub(crate) preset: KeyDefault,
    pub(crate) shown: ExampleValue,
    /// Whether what is written for it is shown to nobody.
    pub(crate) is_secret: bool,
    /// For a person: what it is for, and why one would change it.
    pub(crate) help: &'static str,
}

/// What slate calls a key in its JSON; TOML knows our names only.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SlateName {
    /// slate has no such key.
    None,
    /// It may stand there under this name, too.
    Also(&'static str),
    /// The key is slate's, and known in JSON only.
    Only,
}

/// What may be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ValueType {
    /// A table of the file.
    Section,
    /// A list of such tables.
    SectionList,
    /// Any text.
    Text,
    /// A name of our own: one line, not empty.
    Label,
    /// A name as PostgreSQL has it; `may_be_empty` where "" means none.
    Identifier {
        may_be_empty: bool,
    },
    /// Tables of the file by the name of a table of the source.
    SectionMap,
    /// A table of a database, as in SQL.
    TableName,
    /// One or a list of them.
    TableNames,
    /// A number, or a text of several with commas between.
    Port,
    Boolean,
    Integer(IntegerRange),
    /// One of these words.
    Choice(&'static [AllowedWord]),
    /// How ids are given out: one of these words, or `grace:` with a time.
    Ids(&'static [AllowedWord]),
    /// A list of ids and ranges of ids.
    IdRanges,
    /// Names as PostgreSQL has them, each with another one for it.
    NamePairs,
    /// `same`, or columns with expressions.
    Mapping,
    /// A list of names as PostgreSQL has them.
    Names,
    /// A list of texts.
    Texts,
    /// A program and its arguments, a text each; an empty list means none.
    CommandLine,
}

/// A word that may be written, and what it means where that is not plain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AllowedWord {
    pub(crate) word: &'static str,
    pub(crate) help: &'static str,
}

/// Whole numbers from `least` through `most`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerRange {
    pub(crate) least: i64,
    pub(crate) most: i64,
    pub(crate) unit: Unit,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    None,
    Bytes,
    Events,
    Milliseconds,
}

/// What holds when nothing is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyDefault {
    /// It must be written.
    Required,
    Boolean(bool),
    Integer(i64),
    Text(&'static str),
    EmptyList,
    /// Found out; in these words.
    Described(&'static str),
}

/// How the example shows a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ExampleValue {
    /// With its preset.
    Preset,
    /// Set to this, as TOML.
    Set(&'static str),
    /// Behind `#`, set to this, as TOML.
    Comment(&'static str),
    /// Not at all: a section that is shown as such, or a key of slate's.
    Hidden,
}

/// Keys that a person reads together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyGroup {
    /// What they have in common; "" where they are just keys. The example shows keys with something
    /// in common one below the other.
    pub(crate) help: &'static str,
    /// Another table that explains these keys; "" for none.
    pub(crate) explained_in: &'static str,
    pub(crate) keys: &'static [Key],
}

/// A table of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyTable {
    /// The key of the file it is the value of; "" for the file itself.
    pub(crate) name: &'static str,
    /// As TOML heads it.
    pub(crate) header: &'static str,
    /// Whether the example heads it behind `#`.
    pub(crate) is_rare: bool,
    pub(crate) help: &'static str,
    pub(crate) groups: &'static [KeyGroup],
}

impl Key {
    pub(super) const fn new(
        name: &'static str,
        value: ValueType,
        preset: KeyDefault,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            slate: SlateName::None,
            value,
            preset,
            shown: ExampleValue::Preset,
            is_secret: false,
            help,
        }
    }

    /// A table of the file.
    pub(super) const fn section(name: &'static str, value: ValueType, preset: KeyDefault) -> Self {
        Self { shown: ExampleValue::Hidden, ..Self::new(name, value, preset, "") }
    }

    pub(super) const fn slate(self, name: &'static str) -> Self {
        Self { slate: SlateName::Also(name), ..self }
    }

    pub(super) const fn slate_only(self) -> Self {
        Self { slate: SlateName::Only, shown: ExampleValue::Hidden, ..self }
    }

    pub(super) const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    pub(super) const fn set(self, literal: &'static str) -> Self {
        Self { shown: ExampleValue::Set(literal), ..self }
    }

    pub(super) const fn comment(self, literal: &'static str) -> Self {
        Self { shown: ExampleValue::Comment(literal), ..self }
    }

    /// As it is for one of several tables, where what is not written is as in the source.
    pub(super) const fn of_table(self, example: &'static str, help: &'static str) -> Self {
        Self { preset: KeyDefault::Described("as in [source]"), help, ..self.comment(example) }
    }

    /// The names by which a file may call it.
    pub(crate) fn names(&self, is_json: bool) -> Vec<&'static str> {
        match self.slate {
            SlateName::Only if !is_json => Vec::new(),
            SlateName::Also(slates) if is_json => vec![self.name, slates],
            _ => vec![self.name],
        }
    }
}

impl AllowedWord {
    pub(super) const fn plain(word: &'static str) -> Self {
        Self::new(word, "")
    }

    pub(super) const fn new(word: &'static str, help: &'static str) -> Self {
        Self { word, help }
    }
}

impl IntegerRange {
    pub(crate) const fn new(least: i64, most: i64, unit: Unit) -> Self {
        Self { least, most, unit }
    }

    /// A duration of at least so many milliseconds.
    pub(super) const fn milliseconds(least: i64) -> ValueType {
        ValueType::Integer(Self::new(least, MS_MAX, Unit::Milliseconds))
    }

    /// At least so many bytes.
    pub(super) const fn bytes(least: i64) -> ValueType {
        ValueType::Integer(Self::new(least, AMOUNT_MAX, Unit::Bytes))
    }

    pub(super) const fn events() -> ValueType {
        ValueType::Integer(Self::new(1, AMOUNT_MAX, Unit::Events))
    }

    /// A number of things.
    pub(super) const fn count(most: i64) -> ValueType {
        ValueType::Integer(Self::new(1, most, Unit::None))
    }
}

impl KeyGroup {
    pub(super) const fn of(keys: &'static [Key]) -> Self {
        Self { help: "", explained_in: "", keys }
    }
}

impl KeyTable {
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.groups.iter().flat_map(|group| group.keys)
    }
}
