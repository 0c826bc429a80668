"""List, create and change customers with a client made of openapi.json.

openapi-python-client generate --path docs/openapi.json --meta none --output-path hub
"""

import json
import sys
import uuid

from hub import AuthenticatedClient
from hub.api.customers import customers_create, customers_list, customers_partial_update
from hub.models import (
    CustomerCreate,
    CustomerOrdering,
    CustomerType,
    CustomerUpdate,
    ProblemDocument,
)

url, token = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=token)

page = customers_list.sync(
    client=client, page_size=5, ordering=[CustomerOrdering.CREATED_AT_DESC]
)
if isinstance(page, ProblemDocument):
    sys.exit(page.message)
references = [customer.unique_id for customer in page.results]

new = CustomerCreate(name="Ida Lund", customer_type=CustomerType.WALK_IN)
made = customers_create.sync_detailed(
    client=client, body=new, idempotency_key=str(uuid.uuid4())
)
if isinstance(made.parsed, ProblemDocument):
    sys.exit(made.parsed.message)

changed = customers_partial_update.sync(
    str(made.parsed.id),
    client=client,
    body=CustomerUpdate(customer_type=CustomerType.REGULAR),
    if_match=made.headers["ETag"],
)
if isinstance(changed, ProblemDocument):
    sys.exit(changed.message)
printed = {"references": references, "id": str(changed.id), "name": changed.name}
print(
    json.dumps({**printed, "rev": changed.rev, "customer_type": changed.customer_type})
)
