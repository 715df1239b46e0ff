//! The statement, the signature fields, and the program that made the page.

use crate::certificate::facts::Facts;
use crate::certificate::text::tidy;
use maud::{Markup, html};

/// 40 CFR 122.22(d)(1), word for word.
const STATEMENT: &str = "I certify under penalty of law that this document and all attachments were prepared under my \
    direction or supervision in accordance with a system designed to assure that qualified personnel properly gather and \
    evaluate the information submitted. Based on my inquiry of the person or persons who manage the system, or those \
    persons directly responsible for gathering the information, the information submitted is, to the best of my \
    knowledge and belief, true, accurate, and complete. I am aware that there are significant penalties for submitting \
    false information, including the possibility of fine and imprisonment for knowing violations.";

pub(super) fn section(facts: &Facts) -> Markup {
    html! {
        section.signature {
            h2 { "Certification" }
            blockquote { p { (STATEMENT) } footer { "Statement of 40 CFR 122.22(d)(1)" } }
            div.lines {
                @for label in ["Name", "Title", "Signature", "Date"] { div { span.blank {} span { (label) } } }
            }
        }
        footer.made {
            p {
                "OpenWorld effluent monitor " (env!("CARGO_PKG_VERSION")) " · generated " (tidy(&facts.generated_at)) " UTC"
                @if !facts.request_id.is_empty() { " · request " code { (facts.request_id) } }
            }
            p { "The figures are computed from the stored readings by the same program that raises the alerts. Not valid without a signature." }
        }
    }
}
