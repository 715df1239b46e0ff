//! The texts. Entries of one parameter share their words and differ in the side of the limit.

use super::Remedy;
use crate::reading::Direction::{Max, Min};

/// For every other parameter.
pub(super) const ANY: &str = "Take a confirmation sample and check the treatment step that removes this parameter.";

const PH: &[&str] = &["ph"];
const CHLORINE: &[&str] = &["chlorine", "trc"];

const fn high(words: &'static [&'static str], symbols: &'static [&'static str], text: &'static str) -> Remedy {
    Remedy { words, symbols, side: Some(Max), text }
}

/// In order: the first entry whose words are in a name decides, so `BOD` is before `oxygen`.
pub(super) const TEXTS: &[Remedy] = &[
    high(
        &["sulfate", "sulphate", "so4"],
        &[],
        "Check the sulfuric acid dosing, the lime precipitation and the clarifier for gypsum carry-over; divert to the \
         equalisation basin if sulfate stays high.",
    ),
    high(
        &["arsenic"],
        &["as"],
        "Check the oxidation to arsenate, the iron dose and the pH (5 to 7) of the coprecipitation; hold the discharge \
         until arsenic is below the limit.",
    ),
    high(
        &["nickel"],
        &["ni"],
        "Check the hydroxide precipitation pH (9 to 10.5) and the filters for breakthrough; look for complexing agents \
         such as EDTA or ammonia in the feed.",
    ),
    high(
        &["copper"],
        &["cu"],
        "Check the precipitation pH (8.5 to 9.5) and the clarifier; segregate streams with ammonia or chelating agents, \
         which keep copper dissolved.",
    ),
    high(
        &["zinc"],
        &["zn"],
        "Check that the precipitation pH is 9 to 10 and no higher, where zinc dissolves again, and that no floc leaves \
         the clarifier.",
    ),
    high(
        &["lead"],
        &["pb"],
        "Check the precipitation pH (9 to 10) or the carbonate dose, and the final filters for fine particles of lead.",
    ),
    high(
        &["cadmium"],
        &["cd"],
        "Check that the precipitation pH reaches 10.5 to 11, or the sulfide dose, and the filters for breakthrough.",
    ),
    high(
        &["chromium", "chrome"],
        &["cr", "cr6", "cr vi"],
        "Check the reduction of hexavalent chromium (pH 2 to 3, redox potential, bisulfite dose), then the hydroxide \
         precipitation at pH 8 to 9.",
    ),
    high(
        &["mercury"],
        &["hg"],
        "Hold the discharge and resample by a clean technique; check the sulfide dose and the activated carbon, and trace \
         the source upstream.",
    ),
    high(
        &["silver"],
        &["ag"],
        "Check the chloride or sulfide precipitation and the ion exchange columns for breakthrough; segregate streams with \
         thiosulfate or cyanide.",
    ),
    high(
        &["selenium"],
        &["se"],
        "Have selenite and selenate determined apart: iron coprecipitation removes selenite alone, selenate needs the \
         biological or ion exchange step; check whichever applies.",
    ),
    high(
        &["iron"],
        &["fe"],
        "Check aeration and pH (above 7.5) of the oxidation, the coagulant for overdosing, and the clarifier for floc \
         carry-over.",
    ),
    high(
        &["aluminum", "aluminium"],
        &["al"],
        "Check that the pH is 6 to 7, where aluminium is least soluble, the coagulant for overdosing, and the clarifier \
         for floc carry-over.",
    ),
    high(
        &["manganese"],
        &["mn"],
        "Check the oxidant dose (permanganate) or raise the precipitation pH above 9.5, and backwash the filters.",
    ),
    high(
        &["antimony", "barium", "beryllium", "cobalt", "molybdenum", "thallium", "tin", "titanium", "vanadium"],
        &["sb", "ba", "be", "co", "mo", "tl", "sn", "ti"],
        "Check pH and chemical dose of the metals precipitation and the filters for breakthrough; compare a filtered with \
         an unfiltered sample to tell dissolved metal from carry-over.",
    ),
    high(
        &["cyanide"],
        &["cn"],
        "Stop mixing with acid streams at once (hydrogen cyanide); check the alkaline chlorination: pH above 10 and the \
         redox potential of the first stage, then the second stage.",
    ),
    high(
        &["bod", "bod5", "cbod", "cbod5", "biochemical oxygen demand", "biological oxygen demand"],
        &[],
        "Check dissolved oxygen and sludge age of the aeration basin and the organic load of the last days; divert strong \
         batches to equalisation and look for a toxic shock or solids loss.",
    ),
    high(
        &["cod", "oxygen demand chem", "chemical oxygen demand", "toc", "carbon tot organic", "organic carbon"],
        &[],
        "Look for a spill or a strong batch upstream and divert it to equalisation; check the biological treatment, and \
         the activated carbon for breakthrough.",
    ),
    high(
        &["tss", "suspended solids", "solids total suspended", "solids suspended"],
        &[],
        "Check the clarifier (sludge blanket, overflow rate), the polymer dose and the filters; cut the flow or recirculate \
         until the effluent is clear.",
    ),
    high(
        &["tds", "dissolved solids", "solids total dissolved", "conductivity", "conductance"],
        &[],
        "Find the salt-bearing stream (regeneration, neutralisation, blowdown) and meter it out from equalisation; \
         precipitation and biology do not remove salts.",
    ),
    high(
        &["ammonia", "ammonium", "nh3", "nh4", "nh3n"],
        &[],
        "Check the nitrification: dissolved oxygen above 2 mg/L, alkalinity, temperature and sludge age; keep out ammonia \
         slugs and whatever inhibits nitrifiers.",
    ),
    high(
        &["nitrogen total", "total nitrogen", "kjeldahl", "tkn", "nitrate", "nitrite", "no3", "no2"],
        &["tn", "nitrogen"],
        "Find out whether ammonia or nitrate makes it up: then check aeration and alkalinity, or the carbon source and the \
         recirculation of the denitrification.",
    ),
    high(
        &["phosphorus", "phosphate", "orthophosphate", "po4"],
        &["tp", "p"],
        "Check the iron or aluminium dose and its pH, and the clarifier for floc carry-over, which takes phosphorus along.",
    ),
    high(
        &["oil grease", "oil and grease", "fog", "hem"],
        &["o g"],
        "Skim the separator and check its level and inlet; look for emulsifiers or a leak upstream, and boom off the outfall \
         if a sheen shows.",
    ),
    Remedy {
        words: &["dissolved oxygen", "oxygen dissolved"],
        symbols: &["do", "oxygen"],
        side: Some(Min),
        text: "Check the blowers and diffusers and raise the (post-)aeration; look for an organic overload, and verify the \
               probe in the field.",
    },
    high(
        &["coli", "escherichia", "enterococci", "enterococcus", "coliform", "coliforms"],
        &[],
        "Check the disinfection (residual chlorine and contact time, or lamp intensity and turbidity of the UV unit) and \
         resample aseptically.",
    ),
    high(
        CHLORINE,
        &[],
        "Check the dechlorination: sulfite feed, pump and mixing, and the analyzer; then cut the chlorine dose to what \
         disinfection needs.",
    ),
    Remedy {
        words: CHLORINE,
        symbols: &[],
        side: Some(Min),
        text: "Raise the chlorine dose and check feed, mixing and contact time; take a bacteria sample, since disinfection \
               may have failed.",
    },
    Remedy {
        words: PH,
        symbols: &[],
        side: Some(Max),
        text: "pH too high: check the acid feed and the caustic or lime valves for overdosing, verify the probe with \
               buffers, and divert to neutralisation until it is in range.",
    },
    Remedy {
        words: PH,
        symbols: &[],
        side: Some(Min),
        text: "pH too low: check the caustic or lime feed and look for an acid release upstream, verify the probe with \
               buffers, and divert to neutralisation until it is in range.",
    },
    Remedy {
        words: PH,
        symbols: &[],
        side: None,
        text: "pH out of range: check the acid and caustic feeds, verify the probe with buffers, and divert to \
               neutralisation until it is in range.",
    },
    high(
        &["flow"],
        &["q", "discharge"],
        "Verify the flow meter, look for storm water or cooling water that has got in, and use the equalisation volume to \
         bring the discharge down.",
    ),
    high(
        &["temperature", "temp"],
        &[],
        "Check the cooling tower or heat exchanger and the hot streams, hold the water in the pond or cut the flow until it \
         has cooled, and verify the sensor.",
    ),
];
