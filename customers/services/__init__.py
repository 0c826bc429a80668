"""What pages, endpoints, commands and other apps may call."""

from __future__ import annotations

from customers.metrics import ENGAGED_FOR, next_tier, rate
from customers.models.customer_index import sees_clear_in
from customers.money import amount_text, check_currency, format_money, quantise
from customers.selectors.business_metrics import (
    get_business_figures,
    get_channels,
    get_signups_per_week,
)
from customers.selectors.customer_detail import (
    Duplicate,
    find_possible_duplicates,
    find_similar,
    get_parts,
)
from customers.selectors.customer_state import (
    CustomerState,
    get_customer_state,
    list_flag_codes,
    with_state,
)
from customers.selectors.customers import (
    SEE_CUSTOMERS,
    find_customer,
    get_business,
    get_customer,
    get_detailed_customer,
    get_repeat_customers,
    get_working_business,
    is_colleague,
    list_businesses,
    list_by_index,
    list_by_projection,
    list_customers,
    list_detailed_customers,
    list_hub_customers,
    list_memberships,
    list_visible,
    match_customers,
    with_order_name,
)
from customers.selectors.lookups import (
    find_bookings,
    find_notes,
    find_refunds,
    find_tickets,
    look_up,
)
from customers.selectors.money import (
    get_booking,
    get_credit,
    get_payment,
    get_refund,
    list_credits,
    list_earlier_paid_bookings,
    list_failable_refunds,
    list_invoiceable_bookings,
    list_orders,
    list_payable_bookings,
    list_payments,
    list_pending_refunds,
    list_refundable_bookings,
    list_reversible_payments,
)
from customers.selectors.saved_views import get_layout, get_view, list_views
from customers.selectors.search import (
    filter_by_personal_data,
    find_customers,
    search_customers,
)
from customers.selectors.timeline import (
    TimelineEntry,
    TimelineRecord,
    TimelineSource,
    all_timeline_kinds,
    get_timeline,
    instance_of,
    newest_entry,
    register_timeline_source,
    timeline_kinds,
)
from customers.selectors.timeline_sources import register_customer_sources
from customers.selectors.workplaces import (
    Workplace,
    list_colleagues,
    list_workplaces,
)
from customers.services.archiving import (
    ARCHIVE,
    archive_batch,
    archive_customer,
    archive_customers,
    check_many,
    restore_batch,
    restore_customers,
    skipped_by_archiving,
    skipped_by_restoring,
)
from customers.services.batches import by_key, compare_again
from customers.services.bulk import bulk_create_customers
from customers.services.businesses import create_business
from customers.services.capture_sync import (
    CapturedConsent,
    CapturedCustomer,
    CustomerValueUpdate,
    captures_with_consent,
    create_captured_customers,
    record_captured_consents,
    update_captured_customers,
)
from customers.services.consent import may_contact
from customers.services.consent_origins import (
    ORIGINS,
    Origin,
    register_origin_source,
)
from customers.services.contact_states import (
    ContactState,
    contact_answers,
    contact_states,
    newest_no,
)
from customers.services.crud import (
    archive_instance,
    create_instance,
    restore_instance,
    update_instance,
)
from customers.services.customers import (
    CUSTOMER_COLUMNS,
    create_customer,
    update_customer,
)
from customers.services.data_checks import (
    BrokenRule,
    check_in_chunks,
    count_checked,
    list_broken_rules,
)
from customers.services.exports.customer_columns import (
    CustomerColumn,
    load_values,
    masked_values,
    register_columns,
)
from customers.services.exports.exporting import (
    EXPORT_PERMISSIONS,
    ExportPlan,
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
    PersonLink,
    make_person_link,
    open_person_link,
    register_person_part,
)
from customers.services.exports.table_export import (
    TAKEN_WITHIN,
    digest_of_exports,
    finish_exports,
    has_contact_data,
    list_manifests,
    plan_table_export,
    request_exports,
    start_exports,
    take_file,
)
from customers.services.identity import (
    IdentityMatch,
    add_email,
    find_by_email,
    find_by_identity,
    find_captured_ids,
)
from customers.services.imports.importing import (
    confirm_import,
    end_import,
    export_rejects,
    forget_old_uploads,
    import_report,
    load_import,
)
from customers.services.imports.previews import (
    IMPORT_SAMPLE_SIZE,
    import_findings,
    preview_import,
)
from customers.services.imports.purchase_log import (
    BadLine,
    Purchase,
    PurchaseColumns,
    PurchaseReport,
    load_purchases,
    read_purchases,
)
from customers.services.imports.rows import IMPORT_OUTCOMES
from customers.services.imports.tables import IMPORT_TABLES, ImportColumn, ImportTable
from customers.services.imports.uploads import (
    KEYED_FILES,
    discard_upload,
    get_upload,
    is_long,
    keep_upload,
    list_uploads,
)
from customers.services.indexing import find_index_differences, register_index
from customers.services.locking import lock_customers
from customers.services.marking import (
    ADD_FLAG,
    CHANGE,
    CHANGE_FLAG,
    add_flag_batch,
    check_flag_code,
    remove_flag_batch,
    set_status_batch,
    set_type_batch,
    skipped_by_flag,
    skipped_by_status,
    skipped_by_type,
    skipped_without_flag,
)
from customers.services.messages import add_message
from customers.services.money.booking_rules import check_new_booking
from customers.services.money.credits import (
    credit_balance,
    issue_credit,
    reverse_credit,
    spend_credit,
)
from customers.services.money.invoices import (
    MailFailed,
    SentInvoice,
    check_invoiceable,
    invoice_policy,
    render_invoice,
    send_invoices,
)
from customers.services.money.money_rules import StepUp, refundable_amount, refunded_of
from customers.services.money.payment_reports import (
    PaymentSnapshot,
    register_payment_source,
)
from customers.services.money.payment_sync import settle_payments
from customers.services.money.payments import (
    record_payment,
    reverse_earlier_payment,
    reverse_payment,
)
from customers.services.money.refund_limits import EXCEED_LIMIT, needs_step_up
from customers.services.money.refunds import (
    approve_refund,
    fail_refund,
    first_status,
    refuse_refund,
    request_refund,
)
from customers.services.notes import add_note, get_notes, list_notes, newest_notes
from customers.services.preferences import (
    PREFERENCES_COLUMNS,
    VERIFY,
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
from customers.services.refilling import refill_keys
from customers.services.revealing import require_reveal, reveal_customer
from customers.services.saved_views import (
    archive_view,
    change_view,
    may_archive_view,
    owns_view,
    save_layout,
    save_view,
)
from customers.services.saving import save_record
from customers.services.segment_rules import RuleError, age_rule
from customers.services.segments import (
    SEGMENTS,
    list_rule_customers,
    list_segment_customers,
    list_segments,
    meeting_rule,
)
from customers.services.stats import (
    find_differences,
    note_activity,
    refresh_business_stats,
    refresh_stats,
    register_stats_provider,
)
from customers.services.tickets import open_ticket
from customers.services.writing import check_live
