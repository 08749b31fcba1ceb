"""What each route takes and answers, as the OpenAPI document tells it: one table a subject, in the contract's order."""

from api.health_operations import HEALTH_OPERATIONS
from api.job_operations import JOB_OPERATIONS
from api.operation import Operations

OPERATIONS: Operations = {**JOB_OPERATIONS, **HEALTH_OPERATIONS}
