// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "aws/fault_table.hpp"

namespace jitney::aws {
namespace {

using core::Fault;

constexpr std::array kEc2{
    // Another rung may have some: other types and zones, or on-demand.
    FaultRow{"InsufficientAddressCapacity", Fault::no_capacity},
    FaultRow{"InsufficientCapacity", Fault::no_capacity},
    FaultRow{"InsufficientCapacityOnHost", Fault::no_capacity},
    FaultRow{"InsufficientFreeAddressesInSubnet", Fault::no_capacity},
    FaultRow{"InsufficientHostCapacity", Fault::no_capacity},
    FaultRow{"InsufficientInstanceCapacity", Fault::no_capacity},
    FaultRow{"InsufficientReservedInstanceCapacity", Fault::no_capacity},
    FaultRow{"InsufficientVolumeCapacity", Fault::no_capacity},
    FaultRow{"InstanceLimitExceeded", Fault::no_capacity},
    FaultRow{"MaxFleetCountExceeded", Fault::no_capacity},
    FaultRow{"MaxIOPSLimitExceeded", Fault::no_capacity},
    FaultRow{"MaxSpotFleetRequestCountExceeded", Fault::no_capacity},
    FaultRow{"MaxSpotInstanceCountExceeded", Fault::no_capacity},
    FaultRow{"ReservationCapacityExceeded", Fault::no_capacity},
    FaultRow{"SpotMaxPriceTooLow", Fault::no_capacity},
    FaultRow{"UnfulfillableCapacity", Fault::no_capacity},
    FaultRow{"Unsupported", Fault::no_capacity},  // this type, in this zone
    FaultRow{"VcpuLimitExceeded", Fault::no_capacity},
    FaultRow{"VolumeLimitExceeded", Fault::no_capacity},

    FaultRow{"InvalidFleetId.NotFound", Fault::not_found},
    FaultRow{"InvalidInstanceID.NotFound", Fault::not_found},
    FaultRow{"InvalidSpotInstanceRequestID.NotFound", Fault::not_found},

    // What a pool's template or configuration names must be there: a person has to look.
    FaultRow{"IdempotentParameterMismatch", Fault::invalid},
    FaultRow{"InvalidAMIID.Malformed", Fault::invalid},
    FaultRow{"InvalidAMIID.NotFound", Fault::invalid},
    FaultRow{"InvalidAMIID.Unavailable", Fault::invalid},
    FaultRow{"InvalidBlockDeviceMapping", Fault::invalid},
    FaultRow{"InvalidClientToken", Fault::invalid},
    FaultRow{"InvalidFleetConfig", Fault::invalid},
    FaultRow{"InvalidFleetConfiguration", Fault::invalid},
    FaultRow{"InvalidGroup.NotFound", Fault::invalid},
    FaultRow{"InvalidInstanceID.Malformed", Fault::invalid},
    FaultRow{"InvalidInstanceType", Fault::invalid},
    FaultRow{"InvalidKeyPair.NotFound", Fault::invalid},
    FaultRow{"InvalidLaunchTemplateId.Malformed", Fault::invalid},
    FaultRow{"InvalidLaunchTemplateId.NotFound", Fault::invalid},
    FaultRow{"InvalidLaunchTemplateId.VersionNotFound", Fault::invalid},
    FaultRow{"InvalidLaunchTemplateName.MalformedException", Fault::invalid},
    FaultRow{"InvalidLaunchTemplateName.NotFoundException", Fault::invalid},
    FaultRow{"InvalidSecurityGroupID.NotFound", Fault::invalid},
    FaultRow{"InvalidSnapshot.NotFound", Fault::invalid},
    FaultRow{"InvalidSpotInstanceRequestID.Malformed", Fault::invalid},
    FaultRow{"InvalidSubnet", Fault::invalid},
    FaultRow{"InvalidSubnetID.NotFound", Fault::invalid},
    FaultRow{"InvalidUserData.Malformed", Fault::invalid},
    FaultRow{"RequestResourceCountExceeded", Fault::invalid},

    FaultRow{"DryRunOperation", Fault::conflict},               // it would have been done
    FaultRow{"IdempotentInstanceTerminated", Fault::conflict},  // the token's machines are gone
    FaultRow{"IncorrectInstanceState", Fault::conflict},
    FaultRow{"IncorrectSpotRequestState", Fault::conflict},
    FaultRow{"IncorrectState", Fault::conflict},
    FaultRow{"InvalidLaunchTemplateName.AlreadyExistsException", Fault::conflict},

    FaultRow{"ConcurrentTagAccess", Fault::transient},
    FaultRow{"EC2ThrottledException", Fault::throttled},
    // An account's first use of EC2, or of a region: it ends by itself, in minutes, at most hours.
    FaultRow{"PendingVerification", Fault::not_ready},
};

}  // namespace

std::span<const FaultRow> ec2_fault_rows() { return kEc2; }

}  // namespace jitney::aws
