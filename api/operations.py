"""What each route takes and answers, as the OpenAPI document tells it: one table a subject, in the contract's order."""

from api.health_operations import HEALTH_OPERATIONS
from api.job_control_operations import JOB_CONTROL_OPERATIONS
from api.job_operations import JOB_OPERATIONS
from api.operation import Operations
from api.vendor_operations import VENDOR_OPERATIONS
from api.webhook_operations import WEBHOOK_OPERATIONS

OPERATIONS: Operations = {
    **JOB_OPERATIONS,
    **JOB_CONTROL_OPERATIONS,
    **WEBHOOK_OPERATIONS,
    **VENDOR_OPERATIONS,
    **HEALTH_OPERATIONS,
}
