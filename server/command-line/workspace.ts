import type { Command } from 'commander'
import { createWorkspace, listWorkspaces, renameWorkspace } from '../settings/workspaces.ts'
import { examples } from './example.ts'
import { print, table, time } from './output.ts'
import { withTools } from './tools.ts'

/** `workspace add|list|rename`. */
export function addWorkspaceCommands(program: Command): void {
  const group = program.command('workspace').description('advertisers: each owns its connections, datasets and leads')

  group
    .command('add')
    .description('add a workspace')
    .argument('<name>')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('workspace add "Acme"'))
    .action(async (name: string, { json }: { json?: boolean }) => {
      const added = await withTools(({ caller }) => createWorkspace(caller, name))
      print(json, added, () => `Workspace ${added.id} "${added.name}" is there.`)
    })

  group
    .command('list')
    .description('list the workspaces')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('workspace list'))
    .action(async ({ json }: { json?: boolean }) => {
      const found = await withTools(({ caller }) => listWorkspaces(caller))
      const rows = () => found.map((it) => [it.id, it.name, it.connections, it.datasets, time(it.createdAt)])
      print(json, found, () =>
        table(['id', 'name', 'connections', 'datasets', 'since'], rows(), 'There is no workspace yet. Next: workspace add'),
      )
    })

  group
    .command('rename')
    .description('give a workspace another name')
    .argument('<workspace>', 'id or name')
    .argument('<name>')
    .addHelpText('after', examples('workspace rename Acme "Acme Ltd"'))
    .action(async (ref: string, name: string) => {
      const renamed = await withTools(({ caller }) => renameWorkspace(caller, ref, name))
      print(false, renamed, () => `Workspace ${renamed.id} is called "${renamed.name}" now.`)
    })
}
