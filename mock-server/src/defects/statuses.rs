//! A status that is another than the documented one.

use super::Defect;
use super::effect::Effect::Status;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    Defect { name: "create-answers-200", about: "A create answers 200 in place of 201.", operations: &["create-stock"], effect: Status(201, 200) },
    Defect { name: "create-answers-202", about: "A create answers 202 in place of 201.", operations: &["create-stock"], effect: Status(201, 202) },
    Defect { name: "increase-answers-200", about: "An increase answers 200 in place of 201.", operations: &["increase-reserved-stock"], effect: Status(201, 200) },
    Defect { name: "decrease-answers-200", about: "A decrease answers 200 in place of 201.", operations: &["decrease-reserved-stock"], effect: Status(201, 200) },
    Defect { name: "increase-duplicate-answers-200", about: "A duplicate increase answers 200 in place of 208.", operations: &["increase-reserved-stock"], effect: Status(208, 200) },
    Defect { name: "increase-duplicate-answers-409", about: "A duplicate increase answers 409 in place of 208.", operations: &["increase-reserved-stock"], effect: Status(208, 409) },
    Defect { name: "create-refuses-with-422", about: "A create of bad fields is refused with 422 in place of 400.", operations: &["create-stock"], effect: Status(400, 422) },
    Defect { name: "create-refuses-with-500", about: "A create of bad fields is refused with 500 in place of 400.", operations: &["create-stock"], effect: Status(400, 500) },
    Defect { name: "list-answers-206", about: "A page of stocks answers 206 in place of 200.", operations: &["list-stocks"], effect: Status(200, 206) },
    Defect { name: "upsert-answers-201", about: "An upsert answers 201 in place of 200.", operations: &["upsert-stocks"], effect: Status(200, 201) },
];
