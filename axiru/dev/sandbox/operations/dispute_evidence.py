"""Evidence: text fields, and fields for files. https://docs.stripe.com/api/disputes/evidence_object"""

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.parameters import Parameters
from axiru.dev.sandbox.refusals import ParameterRefused, resource_missing

MAX_CHARACTERS = dict.fromkeys(
    (
        *("access_activity_log", "cancellation_policy_disclosure", "cancellation_rebuttal"),
        *("duplicate_charge_explanation", "product_description", "refund_policy_disclosure"),
        *("refund_refusal_explanation", "uncategorized_text"),
    ),
    20_000,
) | dict.fromkeys(
    (
        *("billing_address", "customer_email_address", "customer_name", "customer_purchase_ip"),
        *("duplicate_charge_id", "service_date", "shipping_address", "shipping_carrier", "shipping_date"),
        "shipping_tracking_number",
    ),
    5_000,
)
MAX_TOTAL_CHARACTERS = 150_000
FILES = (
    *("cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation"),
    *("receipt", "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file"),
)


def evidence_from(parameters: Parameters | None) -> dict[str, str] | None:
    """The fields that were sent, empty where one is unset; None when no evidence was sent.

    Raises ParameterRefused for a text that is too long, StripeRefusal for a file: the sandbox takes no uploads.
    """
    if parameters is None:
        return None
    evidence: dict[str, str] = {}
    for name, most in MAX_CHARACTERS.items():
        if (text := parameters.text_or_unset(name)) is None:
            continue
        if len(text) > most:
            raise ParameterRefused(
                f"Invalid string: {name} must be at most {most} characters", param=f"evidence[{name}]"
            )
        evidence[name] = text
    for name in FILES:
        if file := parameters.text_or_unset(name):
            raise resource_missing("file upload", file, param=f"evidence[{name}]", status=400)
    parameters.refuse_unsupported("enhanced_evidence")
    parameters.finish()
    if sum(map(len, evidence.values())) > MAX_TOTAL_CHARACTERS:
        raise ParameterRefused(
            f"The combined character count of the evidence is limited to {MAX_TOTAL_CHARACTERS}.", param="evidence"
        )
    return evidence


def no_evidence() -> Document:
    return dict.fromkeys((*MAX_CHARACTERS, *FILES)) | {"enhanced_evidence": {}}
