// SPDX-License-Identifier: Apache-2.0
#include "aws/fault_table.hpp"

#include <array>

namespace jitney::aws {
namespace {

using core::Fault;

constexpr std::array kCommon{
    FaultRow{"AccessDenied", Fault::unauthorized},
    FaultRow{"AccessDeniedException", Fault::unauthorized},
    FaultRow{"AccountProblem", Fault::unauthorized},
    FaultRow{"AuthFailure", Fault::unauthorized},
    FaultRow{"Blocked", Fault::unauthorized},
    FaultRow{"ExpiredToken", Fault::unauthorized},
    FaultRow{"ExpiredTokenException", Fault::unauthorized},
    FaultRow{"IncompleteSignature", Fault::unauthorized},
    FaultRow{"IncompleteSignatureException", Fault::unauthorized},
    FaultRow{"InvalidAccessKeyId", Fault::unauthorized},
    FaultRow{"InvalidClientTokenId", Fault::unauthorized},
    FaultRow{"InvalidSignatureException", Fault::unauthorized},
    FaultRow{"InvalidToken", Fault::unauthorized},
    FaultRow{"MissingAuthenticationToken", Fault::unauthorized},
    FaultRow{"MissingAuthenticationTokenException", Fault::unauthorized},
    FaultRow{"NotAuthorized", Fault::unauthorized},
    FaultRow{"OptInRequired", Fault::unauthorized},
    FaultRow{"RequestExpired", Fault::unauthorized},
    FaultRow{"RequestInTheFuture", Fault::unauthorized},
    FaultRow{"RequestTimeTooSkewed", Fault::unauthorized},
    FaultRow{"SignatureDoesNotMatch", Fault::unauthorized},
    FaultRow{"TokenRefreshRequired", Fault::unauthorized},
    FaultRow{"UnauthorizedOperation", Fault::unauthorized},
    FaultRow{"UnrecognizedClientException", Fault::unauthorized},

    FaultRow{"BandwidthLimitExceeded", Fault::throttled},
    FaultRow{"PriorRequestNotComplete", Fault::throttled},
    FaultRow{"RequestLimitExceeded", Fault::throttled},
    FaultRow{"RequestThrottled", Fault::throttled},
    FaultRow{"RequestThrottledException", Fault::throttled},
    FaultRow{"SlowDown", Fault::throttled},
    FaultRow{"ThrottledException", Fault::throttled},
    FaultRow{"Throttling", Fault::throttled},
    FaultRow{"ThrottlingException", Fault::throttled},
    FaultRow{"TooManyRequestsException", Fault::throttled},

    FaultRow{"InternalError", Fault::transient},
    FaultRow{"InternalFailure", Fault::transient},
    FaultRow{"InternalServerError", Fault::transient},
    FaultRow{"RequestTimeout", Fault::transient},
    FaultRow{"RequestTimeoutException", Fault::transient},
    FaultRow{"ServiceUnavailable", Fault::transient},
    FaultRow{"ServiceUnavailableException", Fault::transient},
    FaultRow{"Unavailable", Fault::transient},

    FaultRow{"InvalidAction", Fault::invalid},
    FaultRow{"InvalidParameter", Fault::invalid},
    FaultRow{"InvalidParameterCombination", Fault::invalid},
    FaultRow{"InvalidParameterException", Fault::invalid},
    FaultRow{"InvalidParameterValue", Fault::invalid},
    FaultRow{"InvalidQueryParameter", Fault::invalid},
    FaultRow{"InvalidRequest", Fault::invalid},
    FaultRow{"MalformedQueryString", Fault::invalid},
    FaultRow{"MissingAction", Fault::invalid},
    FaultRow{"MissingParameter", Fault::invalid},
    FaultRow{"SerializationException", Fault::invalid},
    FaultRow{"UnknownOperationException", Fault::invalid},
    FaultRow{"UnknownParameter", Fault::invalid},
    FaultRow{"UnsupportedOperation", Fault::invalid},
    FaultRow{"ValidationError", Fault::invalid},
    FaultRow{"ValidationException", Fault::invalid},
};

// A missing table is a mistake of whoever set Jitney up. It must not read as "this row is gone".
constexpr std::array kDynamodb{
    FaultRow{"ConditionalCheckFailedException", Fault::conflict},
    FaultRow{"IdempotentParameterMismatchException", Fault::invalid},
    FaultRow{"ItemCollectionSizeLimitExceededException", Fault::invalid},
    FaultRow{"LimitExceededException", Fault::throttled},
    FaultRow{"ProvisionedThroughputExceededException", Fault::throttled},
    FaultRow{"ReplicatedWriteConflictException", Fault::conflict},
    FaultRow{"ResourceInUseException", Fault::conflict},
    FaultRow{"ResourceNotFoundException", Fault::invalid},
    FaultRow{"TransactionConflictException", Fault::conflict},
    FaultRow{"TransactionInProgressException", Fault::transient},
};

constexpr std::array kReasons{
    FaultRow{"ValidationError", Fault::invalid},
    FaultRow{"ItemCollectionSizeLimitExceeded", Fault::invalid},
    FaultRow{"ConditionalCheckFailed", Fault::conflict},
    FaultRow{"TransactionConflict", Fault::conflict},
    FaultRow{"DuplicateItem", Fault::conflict},
    FaultRow{"ThrottlingError", Fault::throttled},
    FaultRow{"ProvisionedThroughputExceeded", Fault::throttled},
};

// Likewise: a missing queue is a mistake in the set-up, not a message that is gone.
constexpr std::array kSqs{
    FaultRow{"AWS.SimpleQueueService.NonExistentQueue", Fault::invalid},
    FaultRow{"BatchEntryIdsNotDistinct", Fault::invalid},
    FaultRow{"BatchRequestTooLong", Fault::invalid},
    FaultRow{"EmptyBatchRequest", Fault::invalid},
    FaultRow{"InvalidAddress", Fault::invalid},
    FaultRow{"InvalidAttributeName", Fault::invalid},
    FaultRow{"InvalidAttributeValue", Fault::invalid},
    FaultRow{"InvalidBatchEntryId", Fault::invalid},
    FaultRow{"InvalidIdFormat", Fault::invalid},
    FaultRow{"InvalidMessageContents", Fault::invalid},
    FaultRow{"InvalidSecurity", Fault::invalid},
    FaultRow{"KmsAccessDenied", Fault::unauthorized},
    FaultRow{"KmsDisabled", Fault::unauthorized},
    FaultRow{"KmsInvalidKeyUsage", Fault::unauthorized},
    FaultRow{"KmsInvalidState", Fault::unauthorized},
    FaultRow{"KmsNotFound", Fault::unauthorized},
    FaultRow{"KmsOptInRequired", Fault::unauthorized},
    FaultRow{"KmsThrottled", Fault::throttled},
    FaultRow{"MessageNotInflight", Fault::not_found},
    FaultRow{"OverLimit", Fault::throttled},
    FaultRow{"PurgeQueueInProgress", Fault::throttled},
    FaultRow{"QueueDeletedRecently", Fault::not_ready},
    FaultRow{"QueueDoesNotExist", Fault::invalid},
    FaultRow{"QueueNameExists", Fault::conflict},
    FaultRow{"ReceiptHandleIsInvalid", Fault::not_found},
    FaultRow{"ResourceNotFoundException", Fault::not_found},  // a move task
    FaultRow{"TooManyEntriesInBatchRequest", Fault::invalid},
};

constexpr std::array kSsm{
    FaultRow{"DoesNotExistException", Fault::not_found},
    FaultRow{"DuplicateInstanceId", Fault::invalid},
    FaultRow{"InvalidCommandId", Fault::not_found},
    FaultRow{"InvalidDocument", Fault::invalid},
    FaultRow{"InvalidDocumentVersion", Fault::invalid},
    FaultRow{"InvalidFilter", Fault::invalid},
    FaultRow{"InvalidFilterKey", Fault::invalid},
    FaultRow{"InvalidFilterValue", Fault::invalid},
    // The agent has not reported yet, or the machine is gone; the fleet knows which.
    FaultRow{"InvalidInstanceId", Fault::not_ready},
    FaultRow{"InvalidInstanceInformationFilterValue", Fault::invalid},
    FaultRow{"InvalidKeyId", Fault::unauthorized},
    FaultRow{"InvalidNextToken", Fault::invalid},
    FaultRow{"InvalidNotificationConfig", Fault::invalid},
    FaultRow{"InvalidOutputFolder", Fault::invalid},
    FaultRow{"InvalidParameters", Fault::invalid},
    FaultRow{"InvalidPluginName", Fault::invalid},
    FaultRow{"InvalidRole", Fault::invalid},
    FaultRow{"InvocationDoesNotExist", Fault::not_ready},
    FaultRow{"MaxDocumentSizeExceeded", Fault::invalid},
    FaultRow{"ParameterAlreadyExists", Fault::conflict},
    FaultRow{"ParameterNotFound", Fault::not_found},
    FaultRow{"ParameterVersionNotFound", Fault::not_found},
    FaultRow{"TooManyUpdates", Fault::throttled},
    FaultRow{"UnsupportedPlatformType", Fault::invalid},
};

constexpr std::array kSecretsManager{
    FaultRow{"DecryptionFailure", Fault::unauthorized},
    FaultRow{"InternalServiceError", Fault::transient},
    FaultRow{"InvalidRequestException", Fault::invalid},
    FaultRow{"LimitExceededException", Fault::throttled},
    FaultRow{"PreconditionNotMetException", Fault::conflict},
    FaultRow{"ResourceExistsException", Fault::conflict},
    FaultRow{"ResourceNotFoundException", Fault::not_found},
};

constexpr std::array kS3{
    FaultRow{"AuthorizationHeaderMalformed", Fault::invalid},  // another region's bucket
    FaultRow{"BadDigest", Fault::invalid},
    FaultRow{"BucketAlreadyExists", Fault::conflict},
    FaultRow{"BucketAlreadyOwnedByYou", Fault::conflict},
    FaultRow{"ConditionalRequestConflict", Fault::conflict},
    FaultRow{"EntityTooLarge", Fault::invalid},
    FaultRow{"IllegalLocationConstraintException", Fault::invalid},
    FaultRow{"InvalidArgument", Fault::invalid},
    FaultRow{"InvalidBucketName", Fault::invalid},
    FaultRow{"InvalidObjectState", Fault::conflict},
    FaultRow{"InvalidRange", Fault::invalid},
    FaultRow{"KeyTooLongError", Fault::invalid},
    FaultRow{"MethodNotAllowed", Fault::invalid},
    FaultRow{"NoSuchBucket", Fault::invalid},
    FaultRow{"NoSuchKey", Fault::not_found},
    FaultRow{"NoSuchUpload", Fault::not_found},
    FaultRow{"NoSuchVersion", Fault::not_found},
    FaultRow{"NotImplemented", Fault::invalid},
    FaultRow{"OperationAborted", Fault::conflict},
    FaultRow{"PermanentRedirect", Fault::invalid},
    FaultRow{"PreconditionFailed", Fault::conflict},
    FaultRow{"TemporaryRedirect", Fault::transient},
    FaultRow{"XAmzContentSHA256Mismatch", Fault::invalid},
};

constexpr std::array kSts{
    FaultRow{"IDPCommunicationError", Fault::transient},
    FaultRow{"IDPRejectedClaim", Fault::unauthorized},
    FaultRow{"InvalidIdentityToken", Fault::unauthorized},
    FaultRow{"MalformedPolicyDocument", Fault::invalid},
    FaultRow{"PackedPolicyTooLarge", Fault::invalid},
    FaultRow{"RegionDisabledException", Fault::unauthorized},
};

constexpr std::array kCloudWatch{
    FaultRow{"InternalServiceFault", Fault::transient},
    FaultRow{"InvalidNextToken", Fault::invalid},
    FaultRow{"LimitExceeded", Fault::throttled},
};

constexpr std::array kIam{
    FaultRow{"InvalidInput", Fault::invalid},
    FaultRow{"NoSuchEntity", Fault::not_found},
    FaultRow{"ServiceFailure", Fault::transient},
};

constexpr std::array kServiceQuotas{
    FaultRow{"IllegalArgumentException", Fault::invalid},
    FaultRow{"NoSuchResourceException", Fault::not_found},
    FaultRow{"ServiceException", Fault::transient},
};

}  // namespace

std::span<const FaultRow> fault_rows(Service service) {
  switch (service) {
    case Service::dynamodb:
      return kDynamodb;
    case Service::ec2:
      return ec2_fault_rows();
    case Service::s3:
      return kS3;
    case Service::sqs:
      return kSqs;
    case Service::ssm:
      return kSsm;
    case Service::secretsmanager:
      return kSecretsManager;
    case Service::sts:
      return kSts;
    case Service::cloudwatch:
      return kCloudWatch;
    case Service::iam:
      return kIam;
    case Service::servicequotas:
      return kServiceQuotas;
  }
  return {};
}

std::span<const FaultRow> common_fault_rows() { return kCommon; }
std::span<const FaultRow> cancellation_reasons() { return kReasons; }

}  // namespace jitney::aws
