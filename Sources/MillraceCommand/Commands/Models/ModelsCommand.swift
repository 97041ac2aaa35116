import ArgumentParser

/// `millrace models`.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Import, promote, roll back, retire and compare model versions.",
        discussion: """
            Versions, aliases and traffic rules live on the registry topic (topics.models), which every instance follows; \
            bundles live in the artifact store. Brokers are used when kafka.bootstrap-servers is set, by flag, variable or \
            file. Without, import, list, show and diff work on the store alone, and a service adopts its versions when it \
            starts with brokers.

            A request means a version by number, by an alias, or by none at all: then the alias champion answers, or, until \
            it is set, the highest number. latest is always the highest number that is not retired.

            EXAMPLES
              millrace models import model.h5 --name digits
              millrace models list
              millrace models show digits@1
              millrace models promote digits 2
              millrace models traffic digits --canary 3 --share 10%
              millrace models rollback digits
            """,
        subcommands: [
            ModelsImportCommand.self, ModelsListCommand.self, ModelsShowCommand.self, ModelsPromoteCommand.self,
            ModelsRollbackCommand.self, ModelsUnaliasCommand.self, ModelsRetireCommand.self, ModelsTrafficCommand.self,
            ModelsDiffCommand.self, ModelsReproduceCommand.self, ModelsEventsCommand.self, ModelsAnsweredByCommand.self,
            ModelsCollectCommand.self,
        ])
}
