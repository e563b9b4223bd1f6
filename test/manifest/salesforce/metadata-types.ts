/**
 * The metadata types of the package and what may stand in them (Metadata API developer guide, the page of each type): elements
 * with what they hold. Elements that we do not use are left out where a type has many, and have to be added here first.
 */

/** Any text, a truth value, a number, one of some words, or other elements, all of which have to be there. */
export type Content = 'text' | 'flag' | 'number' | readonly string[] | { readonly [element: string]: Content }

export interface MetadataType {
  root: string
  folder: string
  required: readonly string[]
  /** May stand several times. */
  several?: readonly string[]
  elements: { readonly [element: string]: Content }
  /** Whether it may be in a managed package (second-generation managed packaging, packageable components). */
  packageable: boolean
}

/** Words of `commaSeparatedOauthScopes` that we may come to need; each opens data, so the list is short. */
export const oauthScopes: readonly string[] = ['Api', 'RefreshToken', 'Basic', 'OpenID']

/** By the suffix of their files. */
export const metadataTypes: Readonly<Record<string, MetadataType>> = {
  eca: {
    ...{ root: 'ExternalClientApplication', folder: 'externalClientApps', packageable: true },
    required: ['label', 'contactEmail', 'distributionState', 'isProtected'],
    elements: {
      ...({
        label: 'text',
        contactEmail: 'text',
        description: 'text',
        isProtected: 'flag',
        distributionState: ['Local', 'Packaged'],
      } as const),
      ...({ iconUrl: 'text', logoUrl: 'text', orgScopedExternalApp: 'text' } as const),
    },
  },
  ecaOauth: {
    ...{ root: 'ExtlClntAppOauthSettings', folder: 'extlClntAppOauthSettings', packageable: true },
    required: ['externalClientApplication', 'label', 'commaSeparatedOauthScopes'],
    several: ['trustedIpRanges'],
    elements: {
      ...({ externalClientApplication: 'text', label: 'text', commaSeparatedOauthScopes: 'text', oauthLink: 'text' } as const),
      trustedIpRanges: { description: 'text', startIpAddress: 'text', endIpAddress: 'text' },
    },
  },
  ecaCanvas: {
    ...{ root: 'ExtlClntAppCanvasSettings', folder: 'extlClntAppCanvasSettings', packageable: true },
    required: ['externalClientApplication', 'accessMethod', 'canvasUrl'],
    several: ['canvasLocationOptions', 'canvasOptions'],
    elements: {
      ...({ externalClientApplication: 'text', label: 'text', canvasUrl: 'text', accessMethod: ['Get', 'Post'] } as const),
      canvasLocationOptions: ['Aura', 'ChatterFeed', 'MobileNav', 'None', 'PageLayout', 'Publisher', 'Visualforce'],
      canvasOptions: ['HideShare', 'HideHeader'],
      samlInitiationMethod: ['IdpInitiated', 'SpInitiated', 'None'],
    },
  },
  ecaGlblOauth: {
    ...{ root: 'ExtlClntAppGlobalOauthSettings', folder: 'extlClntAppGlobalOauthSets', packageable: false },
    required: [
      'externalClientApplication',
      'callbackUrl',
      'isPkceRequired',
      'isRefreshTokenRotationEnabled',
      'isSecretRequiredForRefreshToken',
    ],
    elements: {
      ...({ externalClientApplication: 'text', label: 'text', callbackUrl: 'text' } as const),
      ...({ isConsumerSecretOptional: 'flag', isIntrospectAllTokens: 'flag', isPkceRequired: 'flag' } as const),
      ...({ isRefreshTokenRotationEnabled: 'flag', isSecretRequiredForRefreshToken: 'flag' } as const),
      ...({ shouldRotateConsumerKey: 'flag', shouldRotateConsumerSecret: 'flag' } as const),
    },
  },
  ecaOauthPlcy: {
    ...{ root: 'ExtlClntAppOauthConfigurablePolicies', folder: 'extlClntAppOauthPolicies', packageable: false },
    required: ['externalClientApplication'],
    elements: {
      ...({ externalClientApplication: 'text', label: 'text' } as const),
      ...({ isClientCredentialsFlowEnabled: 'flag', isTokenExchangeFlowEnabled: 'flag' } as const),
      ipRelaxationPolicyType: ['Enforce', 'Bypass', 'Bypass_2factor', 'Enforce_RelaxRefresh'],
      permittedUsersPolicyType: ['AdminApprovedPreAuthorized', 'AllSelfAuthorized'],
      refreshTokenPolicyType: ['Infinite', 'SpecificInactivity', 'SpecificLifetime', 'Zero'],
      refreshTokenValidityPeriod: 'number',
      refreshTokenValidityUnit: ['Hours', 'Days', 'Months'],
      requiredSessionLevel: ['LOW', 'STANDARD', 'HIGH_ASSURANCE'],
    },
  },
  ecaPlcy: {
    ...{ root: 'ExtlClntAppConfigurablePolicies', folder: 'extlClntAppPolicies', packageable: false },
    required: ['externalClientApplication', 'isEnabled'],
    elements: {
      ...({ externalClientApplication: 'text', label: 'text', isEnabled: 'flag' } as const),
      ...({ isCanvasPluginEnabled: 'flag', isOauthPluginEnabled: 'flag', startPage: ['Custom', 'None', 'OAuth'] } as const),
    },
  },
  platformEventChannel: {
    ...{ root: 'PlatformEventChannel', folder: 'platformEventChannels', packageable: true },
    required: ['channelType', 'label'],
    elements: { channelType: ['data', 'event'], label: 'text' },
  },
  platformEventChannelMember: {
    ...{ root: 'PlatformEventChannelMember', folder: 'platformEventChannelMembers', packageable: true },
    required: ['eventChannel', 'selectedEntity'],
    several: ['enrichedFields'],
    elements: { enrichedFields: { name: 'text' }, eventChannel: 'text', filterExpression: 'text', selectedEntity: 'text' },
  },
  object: {
    ...{ root: 'CustomObject', folder: 'objects', packageable: false },
    required: [],
    elements: { enableHistory: 'flag' },
  },
  field: {
    ...{ root: 'CustomField', folder: 'fields', packageable: true },
    required: ['fullName', 'type'],
    elements: {
      ...({ fullName: 'text', label: 'text', description: 'text', inlineHelpText: 'text', type: ['Text', 'Picklist'] } as const),
      ...({
        length: 'number',
        externalId: 'flag',
        required: 'flag',
        unique: 'flag',
        trackHistory: 'flag',
        trackFeedHistory: 'flag',
      } as const),
    },
  },
  permissionset: {
    ...{ root: 'PermissionSet', folder: 'permissionsets', packageable: true },
    required: ['label'],
    several: ['applicationVisibilities', 'fieldPermissions', 'objectPermissions', 'tabSettings', 'userPermissions'],
    elements: {
      ...({ label: 'text', description: 'text', license: 'text', hasActivationRequired: 'flag' } as const),
      applicationVisibilities: { application: 'text', visible: 'flag' },
      fieldPermissions: { editable: 'flag', field: 'text', readable: 'flag' },
      objectPermissions: {
        ...({ allowCreate: 'flag', allowDelete: 'flag', allowEdit: 'flag', allowRead: 'flag' } as const),
        ...({ modifyAllRecords: 'flag', object: 'text', viewAllRecords: 'flag' } as const),
      },
      tabSettings: { tab: 'text', visibility: ['Available', 'None', 'Visible'] },
      userPermissions: { enabled: 'flag', name: 'text' },
    },
  },
  tab: {
    ...{ root: 'CustomTab', folder: 'tabs', packageable: true },
    required: ['label', 'motif'],
    elements: {
      ...({ auraComponent: 'text', flexiPage: 'text', lwcComponent: 'text', page: 'text', url: 'text', customObject: 'flag' } as const),
      ...({ description: 'text', label: 'text', motif: 'text' } as const),
    },
  },
  app: {
    ...{ root: 'CustomApplication', folder: 'applications', packageable: true },
    required: ['label', 'uiType', 'navType', 'formFactors', 'tabs'],
    several: ['formFactors', 'tabs'],
    elements: {
      ...({ description: 'text', label: 'text', tabs: 'text', navType: ['Standard', 'Console'], uiType: ['Aloha', 'Lightning'] } as const),
      ...({ formFactors: ['Large', 'Medium', 'Small'], isNavAutoTempTabsDisabled: 'flag', isNavPersonalizationDisabled: 'flag' } as const),
    },
  },
  cmp: {
    ...{ root: 'AuraDefinitionBundle', folder: 'aura', packageable: true },
    required: ['apiVersion', 'description'],
    elements: { apiVersion: 'number', description: 'text' },
  },
}
