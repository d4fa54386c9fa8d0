//! In which language people and places have their names.

use fake::Fake;
use fake::faker::address::raw::{CityName, StreetName};
use fake::faker::impls::address::CityNameGenFn;
use fake::faker::name::raw::{FirstName, LastName};
use fake::locales::{
    AR_SA, CY_GB, DE_DE, Data, EN, FA_IR, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, PT_PT, TR_TR, ZH_CN,
    ZH_TW,
};
use rand::RngExt;
use rand::rngs::StdRng;

/// Languages of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locale {
    /// Seven of eight names in English; the others German, French, Brazilian, Japanese, Chinese or
    /// Arabic.
    #[default]
    Mixed,
    /// English.
    En,
    /// Arabic.
    Ar,
    /// Welsh.
    Cy,
    /// German.
    De,
    /// Persian.
    Fa,
    /// French.
    Fr,
    /// Italian.
    It,
    /// Japanese.
    Ja,
    /// Dutch.
    Nl,
    /// Portuguese of Portugal.
    Pt,
    /// Portuguese of Brazil.
    PtBr,
    /// Turkish.
    Tr,
    /// Chinese, simplified.
    Zh,
    /// Chinese, traditional.
    ZhTw,
}

/// A person or thing with an address.
#[derive(Debug)]
pub(super) struct PersonName {
    pub(super) first: String,
    pub(super) last: String,
}

/// Where a person or thing is.
#[derive(Debug)]
pub(super) struct PostalAddress {
    pub(super) street: String,
    pub(super) city: String,
}

/// Calls a function for the one language that a locale means now.
macro_rules! in_language {
    ($locale:expr, $random:expr, $function:ident) => {
        match $locale.chosen($random) {
            Locale::Mixed | Locale::En => $function(EN, $random),
            Locale::Ar => $function(AR_SA, $random),
            Locale::Cy => $function(CY_GB, $random),
            Locale::De => $function(DE_DE, $random),
            Locale::Fa => $function(FA_IR, $random),
            Locale::Fr => $function(FR_FR, $random),
            Locale::It => $function(IT_IT, $random),
            Locale::Ja => $function(JA_JP, $random),
            Locale::Nl => $function(NL_NL, $random),
            Locale::Pt => $function(PT_PT, $random),
            Locale::PtBr => $function(PT_BR, $random),
            Locale::Tr => $function(TR_TR, $random),
            Locale::Zh => $function(ZH_CN, $random),
            Locale::ZhTw => $function(ZH_TW, $random),
        }
    };
}

impl Locale {
    /// First and last name of a person.
    pub(super) fn name(self, random: &mut StdRng) -> PersonName {
        in_language!(self, random, name_in)
    }

    /// Street and city.
    pub(super) fn place(self, random: &mut StdRng) -> PostalAddress {
        in_language!(self, random, place_in)
    }

    /// One language: of those that are mixed, one that is not written in ASCII alone in one case of
    /// eight.
    fn chosen(self, random: &mut StdRng) -> Self {
        if self != Self::Mixed {
            return self;
        }
        match random.random_range(0..48) {
            0 => Self::De,
            1 => Self::Fr,
            2 => Self::PtBr,
            3 => Self::Ja,
            4 => Self::Zh,
            5 => Self::Ar,
            _ => Self::En,
        }
    }
}

fn name_in<L: Data + Copy>(language: L, random: &mut StdRng) -> PersonName {
    PersonName {
        first: FirstName(language).fake_with_rng(random),
        last: LastName(language).fake_with_rng(random),
    }
}

fn place_in<L: Data + Copy + CityNameGenFn>(language: L, random: &mut StdRng) -> PostalAddress {
    PostalAddress {
        street: StreetName(language).fake_with_rng(random),
        city: CityName(language).fake_with_rng(random),
    }
}
