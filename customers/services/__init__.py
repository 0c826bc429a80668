"""What pages, endpoints, commands and other apps may call."""

from __future__ import annotations

from customers.metrics import ENGAGED_FOR, next_tier, rate
from customers.money import amount_text, check_currency, quantise
from customers.selectors.business_metrics import (
    get_business_figures,
    get_channels,
    get_signups_per_week,
)
from customers.selectors.customer_detail import find_possible_duplicates, get_parts
from customers.selectors.customers import (
    find_customer,
    get_business,
    get_customer,
    get_repeat_customers,
    get_shown_customer,
    get_working_business,
    is_colleague,
    list_businesses,
    list_customers,
    list_hub_customers,
    list_memberships,
    list_rows,
    list_shown_customers,
    match_customers,
    with_order_name,
)
from customers.selectors.money import (
    get_booking,
    get_credit,
    get_refund,
    list_credits,
)
from customers.selectors.search import find_customers, search_customers
from customers.selectors.timeline import (
    TimelineEntry,
    TimelineSource,
    all_timeline_kinds,
    before_place,
    get_timeline,
    register_timeline_source,
    timeline_kinds,
)
from customers.selectors.timeline_sources import register_customer_sources
from customers.selectors.workplaces import Workplace, list_workplaces
from customers.services.archiving import (
    ARCHIVE,
    archive_batch,
    archive_customer,
    archive_customers,
    check_archivable,
    restore_batch,
    restore_customers,
)
from customers.services.bulk import create_many
from customers.services.businesses import create_business
from customers.services.capture_sync import (
    CapturedFact,
    create_captured_customers,
    find_by_email,
    find_by_identity,
    record_captured_consents,
    update_captured_customers,
)
from customers.services.consent import may_contact
from customers.services.crud import (
    archive_row,
    change_row,
    create_row,
    restore_row,
)
from customers.services.customers import (
    CUSTOMER_COLUMNS,
    create_customer,
    update_customer,
)
from customers.services.exports.customer_columns import (
    CustomerColumn,
    load_values,
    register_columns,
    shown_values,
)
from customers.services.exports.exporting import (
    EXPORT_PERMISSIONS,
    Export,
    ExportPlan,
    MarketingExport,
    export_customers_for_marketing,
    plan_export,
    start_export,
)
from customers.services.exports.manifests import list_exports, read_manifests
from customers.services.exports.marketing import (
    PRESETS,
    contactable,
    get_customers_for_targeted_marketing,
)
from customers.services.exports.person_export import (
    LinkUsed,
    export_person,
    make_person_link,
    open_person_link,
)
from customers.services.imports.importing import (
    confirm_import,
    end_import,
    forget_old_uploads,
    import_report,
    load_import,
    rejected_rows,
)
from customers.services.imports.previews import (
    IMPORT_SHOWN,
    import_findings,
    preview_import,
)
from customers.services.imports.purchase_log import (
    PurchaseColumns,
    PurchaseReport,
    load_purchases,
    read_purchases,
)
from customers.services.imports.rows import IMPORT_OUTCOMES
from customers.services.imports.tables import IMPORT_TABLES, ImportTable
from customers.services.imports.uploads import (
    INLINE_ROWS,
    KEYED_FILES,
    discard_upload,
    get_own_upload,
    get_upload,
    is_long,
    keep_upload,
    list_uploads,
)
from customers.services.locking import lock_customers
from customers.services.messages import add_message, change_message
from customers.services.money.amounts import shown_money
from customers.services.money.booking_rules import check_new_booking
from customers.services.money.credits import (
    credit_balance,
    issue_credit,
    reverse_credit,
    spend_credit,
)
from customers.services.money.invoices import (
    MailFailed,
    check_invoiceable,
    invoice_of,
    invoice_policy,
    render_invoice,
    send_invoices,
)
from customers.services.money.money_rules import Confirm, refundable_amount, refunded_of
from customers.services.money.payment_sync import PaymentSnapshot, settle_payments
from customers.services.money.refund_limits import EXCEED_LIMIT, needs_confirming
from customers.services.money.refunds import (
    approve_refund,
    refuse_refund,
    request_refund,
)
from customers.services.notes import add_note, get_notes, list_notes, newest_notes
from customers.services.preferences import (
    PREFERENCES_COLUMNS,
    add_flag,
    list_flags,
    record_consent,
    remove_flag,
    update_preferences,
)
from customers.services.purchases import (
    days_since_purchase,
    get_customer_metrics,
    get_purchase_history,
    update_purchase_history,
)
from customers.services.revealing import (
    require_reveal,
    reveal_customer,
)
from customers.services.writing import check_live
from customers.services.segment_rules import RuleError
from customers.services.segments import (
    SEGMENTS,
    list_rule_customers,
    list_segment_customers,
    list_segments,
)
from customers.services.stats import (
    find_differences,
    note_activity,
    refresh_business_stats,
    refresh_stats,
    register_stats_provider,
)
from customers.services.saving import save_record

__all__ = [
    "ARCHIVE",
    "CUSTOMER_COLUMNS",
    "ENGAGED_FOR",
    "EXCEED_LIMIT",
    "EXPORT_PERMISSIONS",
    "IMPORT_OUTCOMES",
    "IMPORT_SHOWN",
    "IMPORT_TABLES",
    "INLINE_ROWS",
    "KEYED_FILES",
    "PREFERENCES_COLUMNS",
    "PRESETS",
    "SEGMENTS",
    "CapturedFact",
    "Confirm",
    "CustomerColumn",
    "Export",
    "ExportPlan",
    "ImportTable",
    "LinkUsed",
    "MailFailed",
    "MarketingExport",
    "PaymentSnapshot",
    "PurchaseColumns",
    "PurchaseReport",
    "RuleError",
    "TimelineEntry",
    "TimelineSource",
    "Workplace",
    "add_flag",
    "add_message",
    "add_note",
    "all_timeline_kinds",
    "amount_text",
    "approve_refund",
    "archive_batch",
    "archive_customer",
    "archive_customers",
    "archive_row",
    "before_place",
    "change_message",
    "change_row",
    "check_archivable",
    "check_currency",
    "check_invoiceable",
    "check_live",
    "check_new_booking",
    "confirm_import",
    "contactable",
    "create_business",
    "create_captured_customers",
    "create_customer",
    "create_many",
    "create_row",
    "credit_balance",
    "days_since_purchase",
    "discard_upload",
    "end_import",
    "export_customers_for_marketing",
    "export_person",
    "find_by_email",
    "find_by_identity",
    "find_customer",
    "find_customers",
    "find_differences",
    "find_possible_duplicates",
    "forget_old_uploads",
    "get_booking",
    "get_business",
    "get_business_figures",
    "get_channels",
    "get_credit",
    "get_customer",
    "get_customer_metrics",
    "get_customers_for_targeted_marketing",
    "get_notes",
    "get_own_upload",
    "get_parts",
    "get_purchase_history",
    "get_refund",
    "get_repeat_customers",
    "get_shown_customer",
    "get_signups_per_week",
    "get_timeline",
    "get_upload",
    "get_working_business",
    "import_findings",
    "import_report",
    "invoice_of",
    "invoice_policy",
    "is_colleague",
    "is_long",
    "issue_credit",
    "keep_upload",
    "list_businesses",
    "list_credits",
    "list_customers",
    "list_exports",
    "list_flags",
    "list_hub_customers",
    "list_memberships",
    "list_notes",
    "list_rows",
    "list_rule_customers",
    "list_segment_customers",
    "list_segments",
    "list_shown_customers",
    "list_uploads",
    "list_workplaces",
    "load_import",
    "load_purchases",
    "load_values",
    "lock_customers",
    "make_person_link",
    "match_customers",
    "may_contact",
    "needs_confirming",
    "newest_notes",
    "next_tier",
    "note_activity",
    "open_person_link",
    "plan_export",
    "preview_import",
    "quantise",
    "rate",
    "read_manifests",
    "read_purchases",
    "record_captured_consents",
    "record_consent",
    "refresh_business_stats",
    "refresh_stats",
    "refundable_amount",
    "refunded_of",
    "refuse_refund",
    "register_columns",
    "register_customer_sources",
    "register_stats_provider",
    "register_timeline_source",
    "rejected_rows",
    "remove_flag",
    "render_invoice",
    "request_refund",
    "require_reveal",
    "restore_batch",
    "restore_customers",
    "restore_row",
    "reveal_customer",
    "reverse_credit",
    "save_record",
    "search_customers",
    "send_invoices",
    "settle_payments",
    "shown_money",
    "shown_values",
    "spend_credit",
    "start_export",
    "timeline_kinds",
    "update_captured_customers",
    "update_customer",
    "update_preferences",
    "update_purchase_history",
    "with_order_name",
]
