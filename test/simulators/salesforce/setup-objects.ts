/** Rows that an org does not store: its setup, and rights, as users may query them. */
import { longId } from './ids.ts'
import { isEntity, type Org, type OrgUser, type Row, toSecond } from './org.ts'

/** Channels of change events that the package brings, and their members. */
const channel = 'Meta_Connector__chn'

/** The rows of such an object as `user` sees them; undefined for objects that have stored rows. */
export function setupRows(org: Org, object: string, user: OrgUser): Row[] | undefined {
  return makers[object]?.(org, user)
}

const id = (prefix: string, of: string, serial: number): string => longId(prefix + of.slice(3, 12) + String(serial).padStart(3, '0'))

const makers: Record<string, (org: Org, user: OrgUser) => Row[]> = {
  LeadStatus: (org) => org.leadStatuses.map((status, index) => ({ Id: id('01J', org.id, index), ...audit(org), ...status })),
  OpportunityStage: (org) => org.stages.map((stage, index) => ({ Id: id('01J', org.id, 100 + index), ...audit(org), ...stage })),
  User: (org) =>
    [...org.users.values()].map((user) => ({
      Id: user.id,
      Username: user.username,
      Name: user.username,
      Email: user.email,
      IsActive: user.active,
      UserType: 'Standard',
      ProfileId: profileId(user),
    })),
  Profile: (org) =>
    [...org.users.values()].map((user) => ({ Id: profileId(user), Name: `Profile of ${user.username}`, ...systemRights(user) })),
  Organization: (org) => [
    {
      Id: org.id,
      Name: org.facts.name,
      OrganizationType: org.facts.edition,
      IsSandbox: org.facts.sandbox,
      InstanceName: 'USA1',
      DefaultLocaleSidKey: 'en_US',
      LanguageLocaleKey: 'en_US',
      TimeZoneSidKey: 'GMT',
      CreatedDate: toSecond(org.clock()),
    },
  ],
  PermissionSet: (org) =>
    [...org.users.values()].map((user) => ({
      Id: permissionSetId(user),
      Name: `X${profileId(user)}`,
      Label: `Profile of ${user.username}`,
      IsOwnedByProfile: true,
      ProfileId: profileId(user),
      PermissionsCustomizeApplication: user.customises,
      ...systemRights(user),
    })),
  PermissionSetAssignment: (org) =>
    [...org.users.values()].map((user) => ({
      Id: longId(`0Pa${user.id.slice(3, 15)}`),
      PermissionSetId: permissionSetId(user),
      AssigneeId: user.id,
      IsActive: true,
    })),
  ObjectPermissions: (org) =>
    [...org.users.values()].flatMap((user) =>
      ['Lead', 'Opportunity', 'Account', 'Contact']
        .filter((object) => !user.hiddenObjects.includes(object))
        .map((object, index) => ({
          Id: id('110', user.id, index),
          ParentId: permissionSetId(user),
          SobjectType: object,
          PermissionsCreate: user.edits,
          PermissionsRead: true,
          PermissionsEdit: user.edits,
          PermissionsDelete: user.edits,
          PermissionsViewAllRecords: isEntity(object) && (user.viewAllData || user.viewAll.includes(object)),
          PermissionsModifyAllRecords: false,
        })),
    ),
  // Standard fields that nobody can be denied have no row, as in a real org.
  FieldPermissions: (org) =>
    [...org.users.values()].flatMap((user) =>
      ['Lead', 'Opportunity'].flatMap((object) =>
        org
          .fields(object)
          .filter(({ nillable, type, name }) => nillable && type !== 'id' && !user.hiddenFields.includes(`${object}.${name}`))
          .map(({ name, writable }, index) => ({
            Id: id('01k', user.id, index),
            ParentId: permissionSetId(user),
            SobjectType: object,
            Field: `${object}.${name}`,
            PermissionsRead: true,
            PermissionsEdit: user.edits && writable,
          })),
      ),
    ),
  UserPermissionAccess: (org, user) => [
    {
      Id: user.id,
      LastCacheUpdate: toSecond(org.clock()),
      PermissionsModifyAllData: false,
      PermissionsCustomizeApplication: user.customises,
      ...systemRights(user),
    },
  ],
  EntityDefinition: (org, user) =>
    [...org.objects.values()]
      .filter(({ tooling, name }) => !tooling && !user.hiddenObjects.includes(name))
      .map(({ name, label, keyPrefix }) => ({
        Id: name,
        DurableId: name,
        QualifiedApiName: name,
        Label: label,
        KeyPrefix: keyPrefix || null,
        IsFieldHistoryTracked: [...org.tracked].some((tracked) => tracked.startsWith(`${name}.`)),
      })),
  FieldDefinition: (org, user) =>
    [...org.objects.values()].flatMap(({ name: object, fields, tooling }) =>
      tooling || user.hiddenObjects.includes(object)
        ? []
        : fields
            .filter(({ name }) => !user.hiddenFields.includes(`${object}.${name}`))
            .map(({ name, label, type, length }) => ({
              Id: `${object}.${name}`,
              DurableId: `${object}.${name}`,
              EntityDefinitionId: object,
              QualifiedApiName: name,
              Label: label,
              DataType: type === 'string' ? `Text(${length})` : type,
              Length: length,
              IsFieldHistoryTracked: org.tracked.has(`${object}.${name}`),
            })),
    ),
  PlatformEventUsageMetric: () => [],
  PlatformEventChannel: (org) =>
    hasChannel(org)
      ? [{ Id: id('0YL', org.id, 1), DeveloperName: 'Meta_Connector', MasterLabel: 'Meta Connector', ChannelType: 'data' }]
      : [],
  PlatformEventChannelMember: (org) =>
    hasChannel(org)
      ? ['LeadChangeEvent', 'OpportunityChangeEvent'].map((entity, index) => ({
          Id: id('0v8', org.id, index),
          DeveloperName: `Meta_Connector_chn_${entity}`,
          EventChannel: channel,
          SelectedEntity: entity,
        }))
      : [],
}

const hasChannel = ({ facts }: Org): boolean => facts.packageInstalled && facts.changeEvents
const profileId = (user: OrgUser): string => longId(`00e${user.id.slice(3, 15)}`)
const permissionSetId = (user: OrgUser): string => longId(`0PS${user.id.slice(3, 15)}`)
const systemRights = ({ apiEnabled, viewAllData, viewSetup }: OrgUser): Row => ({
  PermissionsApiEnabled: apiEnabled,
  PermissionsViewAllData: viewAllData,
  PermissionsViewSetup: viewSetup,
})
const audit = (org: Org): Row => ({
  CreatedDate: toSecond(org.clock()),
  CreatedById: org.admin.id,
  LastModifiedDate: toSecond(org.clock()),
  LastModifiedById: org.admin.id,
  SystemModstamp: toSecond(org.clock()),
})
